# /etc/systemd/system and /etc/systemd/user, as NixOS makes them: links to the units that are wanted, own ones beside them.
{
  lib,
  packages,
  # What default.target is.
  defaultTarget,
  # The packages of every way in, or null.
  ways,
  # Own units, by name: { text; wantedBy ? [ ]; }
  services,
}:

let
  inherit (builtins) attrNames concatMap mapAttrs;
  inherit (packages) dbus systemd;

  upstream = [
    "basic.target"
    "ctrl-alt-del.target"
    "emergency.service"
    "emergency.target"
    "exit.target"
    "final.target"
    "getty.target"
    "graphical.target"
    "halt.target"
    "kexec.target"
    "local-fs-pre.target"
    "local-fs.target"
    "machine.slice"
    "multi-user.target"
    "network-online.target"
    "network-pre.target"
    "network.target"
    "nss-lookup.target"
    "nss-user-lookup.target"
    "paths.target"
    "poweroff.target"
    "reboot.target"
    "remote-fs-pre.target"
    "remote-fs.target"
    "rescue.service"
    "rescue.target"
    "shutdown.target"
    "sigpwr.target"
    "slices.target"
    "sockets.target"
    "swap.target"
    "sysinit.target"
    "systemd-exit.service"
    "systemd-halt.service"
    "systemd-hostnamed.service"
    "systemd-journal-flush.service"
    "systemd-journald-dev-log.socket"
    "systemd-journald.service"
    "systemd-journald.socket"
    "systemd-localed.service"
    "systemd-logind.service"
    "systemd-poweroff.service"
    "systemd-reboot.service"
    "systemd-sysctl.service"
    "systemd-timedated.service"
    "systemd-tmpfiles-clean.service"
    "systemd-tmpfiles-clean.timer"
    "systemd-tmpfiles-setup.service"
    "systemd-user-sessions.service"
    "time-set.target"
    "time-sync.target"
    "timers.target"
    "umount.target"
    "user-runtime-dir@.service"
    "user.slice"
    "user@.service"
  ];
  upstreamUser = [
    "app.slice"
    "background.slice"
    "basic.target"
    "default.target"
    "exit.target"
    "graphical-session-pre.target"
    "graphical-session.target"
    "paths.target"
    "session.slice"
    "shutdown.target"
    "sockets.target"
    "systemd-exit.service"
    "timers.target"
  ];
  wants = {
    "multi-user.target" = [
      "dbus.service"
      "remote-fs.target"
      "systemd-logind.service"
      "systemd-user-sessions.service"
    ];
    "sockets.target" = [
      "dbus.socket"
      "systemd-journald-dev-log.socket"
      "systemd-journald.socket"
    ];
    "sysinit.target" = [
      "local-fs.target"
      "systemd-journal-flush.service"
      "systemd-journald.service"
      "systemd-sysctl.service"
      "systemd-tmpfiles-setup.service"
    ];
    "timers.target" = [ "systemd-tmpfiles-clean.timer" ];
  };
  aliases = {
    "dbus-org.freedesktop.hostname1.service" = "systemd-hostnamed.service";
    "dbus-org.freedesktop.locale1.service" = "systemd-localed.service";
    "dbus-org.freedesktop.login1.service" = "systemd-logind.service";
    "dbus-org.freedesktop.timedate1.service" = "systemd-timedated.service";
    "default.target" = defaultTarget;
  };

  # "multi-user.target.wants/dbus.service" → "../dbus.service"
  wantLinks =
    wants:
    builtins.listToAttrs (
      concatMap (
        target:
        map (unit: {
          name = "${target}.wants/${unit}";
          value = "../${unit}";
        }) wants.${target}
      ) (attrNames wants)
    );
  ownWants = builtins.listToAttrs (
    concatMap (
      unit:
      map (target: {
        name = "${target}.wants/${unit}";
        value = "../${unit}";
      }) (services.${unit}.wantedBy or [ ])
    ) (attrNames services)
  );

  machined = if ways == null then [ ] else [ "systemd-machined.service" ];
  # As with services.udev.enable, which usbip asks for.
  udev =
    if ways == null then
      { }
    else
      {
        "sockets.target" = [
          "systemd-udevd-control.socket"
          "systemd-udevd-kernel.socket"
        ];
        "sysinit.target" = [
          "systemd-udev-trigger.service"
          "systemd-udevd.service"
        ];
      };

  busConfig = kind: ''
    [Service]
    ExecStart=
    ExecStart=${dbus}/bin/dbus-daemon --config-file=${dbus}/share/dbus-1/${kind}.conf --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only
  '';
in
{
  system = lib.tree "system-units" {
    links =
      lib.genAttrs upstream (unit: "${systemd}/lib/systemd/system/${unit}")
      // lib.genAttrs [
        "dbus.service"
        "dbus.socket"
      ] (unit: "${dbus}/lib/systemd/system/${unit}")
      // lib.genAttrs machined (unit: "${ways.machined}/lib/systemd/system/${unit}")
      // lib.genAttrs (builtins.concatLists (builtins.attrValues udev)) (
        unit: "${ways.udev}/lib/systemd/system/${unit}"
      )
      // (
        if ways == null then
          { }
        else
          {
            "dbus-org.freedesktop.machine1.service" = "systemd-machined.service";
            "systemd-modules-load.service" = "${systemd}/lib/systemd/system/systemd-modules-load.service";
            "multi-user.target.wants/systemd-modules-load.service" = "../systemd-modules-load.service";
          }
      )
      // aliases
      // wantLinks wants
      // wantLinks udev
      // ownWants;
    texts =
      mapAttrs (_: unit: unit.text) services
      // {
        "dbus.service.d/overrides.conf" = busConfig "system";
        # The unit looks for D-Bus where Debian has it.
        "systemd-logind.service.d/overrides.conf" = ''
          [Unit]
          ConditionPathExists=
        '';
      }
      // (
        if ways == null then
          { }
        else
          {
            # As modules/systemd.nix has it.
            "user@.service.d/overrides.conf" = ''
              [Service]
              Delegate=cpu cpuset io memory pids
            '';
            # As modules/kernel-modules.nix has it.
            "systemd-modules-load.service.d/overrides.conf" = ''
              [Service]
              SuccessExitStatus=0 1
            '';
          }
      );
  };

  user = lib.tree "user-units" {
    links =
      lib.genAttrs upstreamUser (unit: "${systemd}/lib/systemd/user/${unit}")
      // lib.genAttrs [
        "dbus.service"
        "dbus.socket"
      ] (unit: "${dbus}/lib/systemd/user/${unit}")
      // wantLinks { "sockets.target" = [ "dbus.socket" ]; };
    texts."dbus.service.d/overrides.conf" = busConfig "session";
  };
}
