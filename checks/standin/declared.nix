# The units and texts below /etc that a configuration (configuration.nix) declares, as ./units.nix and ./etc.nix take them.
{
  lib,
  packages,
  configuration,
}:

let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    listToAttrs
    ;
  inherit (packages) bash coreutils;
  inherit (configuration) services sysctl;

  scriptOf =
    name:
    lib.tree "unit-script-${name}" {
      programs."bin/${name}-start" = "#!${bash}/bin/bash\nset -e\n${services.${name}.script}";
    };
  lines = list: concatStringsSep "" (map (line: "${line}\n") list);
  settings = "${
    lib.tree "sysctl.d" {
      texts."60-standin.conf" = lines (
        map (name: "${name} = ${toString sysctl.${name}}") (attrNames sysctl)
      );
    }
  }/60-standin.conf";
  timed = filter (name: services.${name}.startAt or null != null) (attrNames services);
in
{
  units =
    listToAttrs (
      map (name: {
        name = "${name}.service";
        value = {
          wantedBy = if services.${name} ? startAt then [ ] else [ "multi-user.target" ];
          text = ''
            [Unit]
            Description=Service ${name} of the configuration

            [Service]
            Type=oneshot
            RemainAfterExit=${if services.${name} ? startAt then "false" else "true"}
            Environment=PATH=${coreutils}/bin
            ExecStart=${scriptOf name}/bin/${name}-start
          '';
        };
      }) (attrNames services)
      ++ map (name: {
        name = "${name}.timer";
        value = {
          wantedBy = [ "timers.target" ];
          text = ''
            [Unit]
            Description=Timer ${name} of the configuration

            [Timer]
            OnCalendar=${services.${name}.startAt}
          '';
        };
      }) timed
    )
    // {
      # Beside systemd's own: a unit whose text changes with the settings, as NixOS's restartTriggers have it.
      "standin-sysctl.service" = {
        wantedBy = [ "multi-user.target" ];
        text = ''
          [Unit]
          Description=Kernel settings of the configuration

          [Service]
          Type=oneshot
          RemainAfterExit=true
          ExecStart=${packages.systemd}/lib/systemd/systemd-sysctl ${settings}
        '';
      };
      "nix-daemon.socket" = {
        wantedBy = [ "sockets.target" ];
        text = ''
          [Unit]
          Description=Nix daemon socket
          RequiresMountsFor=/nix/store

          [Socket]
          ListenStream=/nix/var/nix/daemon-socket/socket
        '';
      };
      "nix-daemon.service".text = ''
        [Unit]
        Description=Nix daemon
        RequiresMountsFor=/nix/store /nix/var
        ConditionPathIsReadWrite=/nix/var/nix/daemon-socket

        [Service]
        ExecStart=@${packages.nix}/bin/nix-daemon nix-daemon --daemon
        KillMode=process
      '';
    };

  texts = configuration.etc // {
    "nix/nix.conf" = ''
      experimental-features = nix-command flakes
      # The sandbox mounts /proc, which the kernel refuses where parts of it are hidden, as in a simulated WSL.
      sandbox = false
    '';
  };
}
