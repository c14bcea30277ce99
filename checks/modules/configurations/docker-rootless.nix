# Docker without root alone, with settings of its own.
{
  virtualisation.docker = {
    enable = false;
    rootless = {
      enable = true;
      setSocketVariable = true;
      daemon.settings.dns = [ "1.1.1.1" ];
    };
  };
  users.users.nixos.linger = true;
}
