# podman in Docker's place.
{
  module =
    { pkgs, ... }:
    {
      virtualisation.containers.enable = true;
      virtualisation.podman = {
        enable = true;
        dockerCompat = true;
        dockerSocket.enable = true;
        defaultNetwork.settings.dns_enabled = true;
      };
      users.users.nixos = {
        extraGroups = [ "podman" ];
        subUidRanges = [
          {
            startUid = 100000;
            count = 65536;
          }
        ];
      };
      environment.systemPackages = [ pkgs.podman-compose ];
    };
  holds = config: {
    "a user's systemd has what limits take" =
      config.systemd.services."user@".serviceConfig.Delegate == "cpu cpuset io memory pids";
    "newuidmap gives ids of a range" =
      config.security.wrappers ? newuidmap && config.security.wrappers ? newgidmap;
    "that is a change of systemd's own unit" =
      config.systemd.units."user@.service".overrideStrategy == "asDropinIfExists";
  };
}
