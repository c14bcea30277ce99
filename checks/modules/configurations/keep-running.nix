# A service and a timer that keep WSL running.
{
  module = {
    wsl.keepRunning.units = [
      "docker.service"
      "postgresql-backup.timer"
    ];
    virtualisation.docker.enable = true;
  };
  holds =
    config:
    let
      service = config.systemd.services.wsl-keep-running-docker;
    in
    {
      "it comes and goes with the unit" =
        service.wantedBy == [ "docker.service" ] && service.bindsTo == [ "docker.service" ];
      "each unit has its own" = config.systemd.services ? "wsl-keep-running-postgresql\\x2dbackup.timer";
    };
}
