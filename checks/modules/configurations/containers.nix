# A container of NixOS' own. Its module writes the container's name into /etc/hosts.
{
  warnings = [ "networking.extraHosts has no effect" ];
  module.containers.web = {
    autoStart = true;
    privateNetwork = true;
    hostAddress = "192.168.100.1";
    localAddress = "192.168.100.2";
    config =
      { lib, ... }:
      {
        services.nginx.enable = true;
        networking.useHostResolvConf = lib.mkForce false;
        documentation.enable = false;
        system.stateVersion = "26.05";
      };
  };
}
