# Generations whose systemd runs and does not do what one expects of a start, for generation.nix.
let
  # Before multi-user.target, and never over by itself.
  early = lines: {
    wantedBy = [ "multi-user.target" ];
    text = ''
      [Unit]
      Before=multi-user.target

      [Service]
      Type=oneshot
      TimeoutStartSec=infinity
      ${lines}
    '';
  };
in
{
  powersOff = {
    version = 10;
    services = packages: {
      "power-off.service" = early ''
        ExecStart=${packages.bash}/bin/bash -c "${packages.systemd}/bin/systemctl poweroff; ${packages.coreutils}/bin/sleep infinity"
        TimeoutStopSec=5
      '';
    };
  };
  restarts = {
    version = 11;
    services = packages: {
      "fails.service" = {
        wantedBy = [ "multi-user.target" ];
        text = ''
          [Unit]
          Before=multi-user.target
          FailureAction=reboot

          [Service]
          Type=oneshot
          ExecStart=${packages.coreutils}/bin/false
        '';
      };
    };
  };
  # Says in /run/loops that it has begun; a stop from outside counts against it after a second.
  loops = {
    version = 12;
    settings.startTimeout = 1;
    services = packages: {
      "loops.service" = early ''
        ExecStart=${packages.coreutils}/bin/touch /run/loops
        ExecStart=${packages.bash}/bin/bash -c "while :; do ${packages.coreutils}/bin/sleep 1; done"
      '';
    };
  };
  # The same with time enough.
  slowUnits = {
    version = 13;
    settings.startTimeout = 3600;
    services = packages: {
      "loops.service" = early ''
        ExecStart=${packages.coreutils}/bin/touch /run/loops
        ExecStart=${packages.coreutils}/bin/sleep infinity
      '';
    };
  };
  emergency = {
    version = 14;
    defaultTarget = "emergency.target";
  };
  # A mount that fails, as systemd has it: emergency mode.
  failingMount = {
    version = 15;
    services = _packages: {
      "mnt-absent.mount" = {
        wantedBy = [ "local-fs.target" ];
        text = ''
          [Unit]
          DefaultDependencies=false
          Before=local-fs.target
          OnFailure=emergency.target
          OnFailureJobMode=replace-irreversibly

          [Mount]
          What=/nothing-that-exists
          Where=/mnt/absent
          Type=ext4
        '';
      };
    };
  };
}
