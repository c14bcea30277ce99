# wsl.startMenuLaunchers: Linux programs in the start menu. WSLg lists what /usr/share/applications holds.
{
  config,
  lib,
  utils,
  ...
}:

let
  cfg = config.wsl;
  user = config.users.users.${cfg.defaultUser};

  # In order: the first to have a file wins.
  sources = [
    "${user.home}/.nix-profile/share"
    "${user.home}/.local/state/nix/profile/share"
    "/etc/profiles/per-user/${user.name}/share"
    "/run/current-system/sw/share"
  ];
in
{
  options.wsl.startMenuLaunchers = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Whether graphical programs of the system and of the default user get entries in the Windows start menu. The
      entries are made after the system is up, and again when the user installs or removes a program.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.startMenuLaunchers && !cfg.distribution.oobe.askForUser) {
    systemd.services.nixos-wsl-start-menu = {
      description = "Entries for the start menu of Windows";
      wantedBy = [ "multi-user.target" ];
      after = [ "multi-user.target" ];
      restartTriggers = [ config.system.path ];
      serviceConfig = {
        # The first shell waits for every job of a start (W§5.2): this one is done when the program runs.
        Type = "exec";
        RuntimeMaxSec = "2min";
        ExecStart = utils.escapeSystemdExecArgs (
          [
            (lib.getExe cfg.programs.nixos-wsl)
            "start-menu"
            "--user"
            user.name
          ]
          ++ sources
          ++ [ "/usr/share" ]
        );
      };
    };

    systemd.paths.nixos-wsl-start-menu = {
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = [
        "/nix/var/nix/profiles/per-user/${user.name}"
        "${user.home}/.local/state/nix/profiles"
      ];
    };
  };
}
