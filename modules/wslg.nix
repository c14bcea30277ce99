# wsl.wslg: the display and sound of Windows.
#
# WSL mounts the X11 sockets and links those of Wayland and PulseAudio into the user's directory by units of its own
# (W§5.5). What is here only fills gaps that an older WSL leaves, and does nothing without WSLg.
{
  config,
  lib,
  utils,
  ...
}:

let
  cfg = config.wsl;
  wslg = "${lib.removeSuffix "/" cfg.wslConf.automount.root}/wslg";
in
{
  options.wsl.wslg.enable = lib.mkOption {
    type = lib.types.bool;
    default = cfg.wslConf.general.guiApplications != false;
    defaultText = lib.literalExpression "config.wsl.wslConf.general.guiApplications != false";
    description = "Whether to fill in sockets of WSLg that WSL did not provide. Harmless on a machine without a display.";
  };

  config = lib.mkIf (cfg.enable && cfg.wslg.enable) {
    # /tmp may be a file system of its own that hides what WSL mounted there.
    systemd.services.nixos-wsl-x11 = {
      description = "X11 socket of WSLg";
      wantedBy = [ "multi-user.target" ];
      after = [
        "local-fs.target"
        "systemd-tmpfiles-setup.service"
        "wslg.service"
      ];
      unitConfig = {
        ConditionPathExists = [
          "${wslg}/.X11-unix/X0"
          "!/tmp/.X11-unix/X0"
        ];
        # A link there is what NixOS-WSL made before 2024.
        ConditionPathIsSymbolicLink = "!/tmp/.X11-unix";
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        # `mount` would follow a link that somebody puts there after the conditions were looked at.
        ExecStart = utils.escapeSystemdExecArgs [
          (lib.getExe cfg.programs.nixos-wsl)
          "mount-x11"
          "${wslg}/.X11-unix"
          "/tmp/.X11-unix"
        ];
      };
    };

    # `?` passes over a source that is not there; a link that WSL made stays.
    systemd.user.tmpfiles.rules = [
      "L? %t/wayland-0 - - - - ${wslg}/runtime-dir/wayland-0"
      "L? %t/wayland-0.lock - - - - ${wslg}/runtime-dir/wayland-0.lock"
      "d %t/pulse 0700 - - - -"
      "L? %t/pulse/native - - - - ${wslg}/runtime-dir/pulse/native"
      "L? %t/pulse/pid - - - - ${wslg}/runtime-dir/pulse/pid"
    ];
  };
}
