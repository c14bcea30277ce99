# wsl.distribution: /etc/wsl-distribution.conf, which WSL reads when the image is imported and at the first start.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:

let
  cfg = config.wsl.distribution;
  ini = import ./lib/wsl-ini.nix { inherit lib; };
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  # Where the official validator expects them (W§8.1).
  iconPath = "/usr/share/wsl/nixos.ico";
  profilePath = "/usr/lib/wsl/terminal-profile.json";

  settings = lib.recursiveUpdate cfg.settings {
    oobe = {
      inherit (cfg) defaultName;
      command = if cfg.oobe.command == null && !cfg.oobe.askForUser then null else oobe.path;
      inherit (cfg.oobe) defaultUid;
    };
    shortcut = {
      enabled = cfg.shortcut.enable;
      icon = if cfg.shortcut.icon == null then null else iconPath;
    };
    windowsterminal = {
      enabled = cfg.terminal.enable;
      profileTemplate = if cfg.terminal.profile == null then null else profilePath;
    };
  };

  inherit (import ../nix/entries.nix) copy;
  oobe = import ../nix/oobe.nix;
in
{
  options.wsl.distribution = {
    defaultName = lib.mkOption {
      type = formed "[a-zA-Z0-9._-]{1,256}" "name of 1 to 256 letters, digits, dots, dashes and underscores";
      default = "NixOS";
      description = ''
        Name of the distribution on Windows when the user gives none (`wsl --install --from-file`). Letters, digits,
        dots, dashes and underscores.
      '';
    };

    shortcut = {
      enable = lib.mkOption {
        type = types.bool;
        default = true;
        description = "Whether Windows gets a start menu entry for the distribution.";
      };
      icon = lib.mkOption {
        type = types.nullOr types.path;
        default = ../assets/nixos-wsl.ico;
        defaultText = lib.literalMD "this project's icon";
        description = "Icon of that entry and of the Terminal profile, an {file}`.ico` of at most 1 MiB. `null` takes WSL's.";
      };
    };

    terminal = {
      enable = lib.mkOption {
        type = types.bool;
        default = true;
        description = "Whether Windows Terminal gets a profile for the distribution.";
      };
      profile = lib.mkOption {
        type = types.nullOr (types.attrsOf types.anything);
        default = null;
        example = lib.literalExpression ''
          {
            profiles = [ { colorScheme = "One Half Dark"; font.face = "Cascadia Code"; } ];
          }
        '';
        description = ''
          Template of that profile, in the form of Windows Terminal's JSON fragments: `profiles` is a list. WSL fills in
          name, command and icon. `null` takes WSL's own template.
        '';
      };
    };

    oobe = {
      askForUser = lib.mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = ''
          Whether the first start makes the default user: `wsl --install` runs `nixos-wsl oobe`, which takes the name from
          a seed of cloud-init in {file}`%USERPROFILE%\.cloud-init` or asks for it, makes the user, and replaces this
          setting in {file}`/etc/nixos/user.nix` by {option}`wsl.defaultUser`. Until then the configuration declares no
          user of its own.

          For images of people who are not known when it is built, as {file}`.wsl` files are. `wsl --import` does not run it:
          there the first shell is root's, and `nixos-wsl oobe` is to be typed.
        '';
      };
      command = lib.mkOption {
        type = types.nullOr types.path;
        default = null;
        example = lib.literalExpression ''pkgs.writeShellScript "first-run" "passwd nixos"'';
        description = ''
          Program that `wsl --install` runs as root before the first shell, for example to ask for a user name. It is
          copied into the image, so it must not need anything beside it that the system's closure does not hold. `null`
          runs nothing: NixOS makes the users.
        '';
      };
      defaultUid = lib.mkOption {
        type = types.nullOr types.ints.unsigned;
        default =
          if cfg.oobe.askForUser then
            config.wsl.defaultUid
          else
            config.users.users.${config.wsl.defaultUser}.uid;
        defaultText = lib.literalExpression "uid of config.wsl.defaultUser";
        description = "User id that WSL opens shells for after `wsl --install`.";
      };
    };

    settings = lib.mkOption {
      type = types.attrsOf (types.attrsOf ini.valueType);
      default = { };
      description = "Further settings of {file}`/etc/wsl-distribution.conf`, by section and key, for a WSL that knows more.";
    };
  };

  config = lib.mkIf config.wsl.enable {
    wsl.files.distributionConf = ini.toText settings;

    # `wsl --import` runs no first start, and its first shell is root's.
    environment.loginShellInit = lib.mkIf cfg.oobe.askForUser ''
      if [ -t 1 ] && [ "$(id -u)" = 0 ] && ! grep -q '^[^:]*:[^:]*:${toString config.wsl.defaultUid}:' /etc/passwd; then
        echo "This system has no user yet. To make one: nixos-wsl oobe"
      fi
    '';

    environment.etc."wsl-distribution.conf" = {
      text = config.wsl.files.distributionConf;
      mode = "0644";
    };

    wsl.root.extraEntries =
      lib.optional (cfg.shortcut.icon != null) (copy iconPath "0644" "${cfg.shortcut.icon}")
      ++ lib.optional (cfg.terminal.profile != null) (
        # 0640 is what the validator asks for.
        copy profilePath "0640"
          "${pkgs.writeText "terminal-profile.json" (builtins.toJSON cfg.terminal.profile)}"
      )
      ++ lib.optional cfg.oobe.askForUser oobe.entry
      ++ lib.optional (cfg.oobe.command != null) (copy oobe.path "0755" "${cfg.oobe.command}");

    assertions =
      map (message: {
        assertion = false;
        inherit message;
      }) (ini.problems "wsl.distribution" settings)
      ++ [
        {
          assertion = cfg.oobe.askForUser -> cfg.oobe.command == null;
          message = "wsl.distribution.oobe.askForUser runs nixos-wsl oobe at the first start: set wsl.distribution.oobe.command to null, or call it from there.";
        }
        {
          assertion = cfg.oobe.askForUser -> config.users.mutableUsers;
          message = "wsl.distribution.oobe.askForUser makes a user at the first start, which users.mutableUsers = false forbids. Name the user: wsl.defaultUser.";
        }
        {
          assertion =
            cfg.oobe.askForUser
            -> lib.all (user: user.enable && user.isNormalUser -> user.uid != null) (
              lib.attrValues config.users.users
            );
          message = "wsl.distribution.oobe.askForUser: a user without a number gets the one that WSL opens shells for, and nobody is asked. Give each users.users.<name> a uid other than ${toString config.wsl.defaultUid}.";
        }
        {
          assertion =
            cfg.oobe.askForUser -> options.wsl.defaultUser.highestPrio >= (lib.mkOptionDefault { }).priority;
          message = "wsl.defaultUser names the user, so the first start has nothing to ask: remove wsl.distribution.oobe.askForUser.";
        }
        {
          assertion = lib.toLower cfg.defaultName != "legacy";
          message = "wsl.distribution.defaultName: WSL keeps the name ‘Legacy’ for itself.";
        }
        {
          assertion = cfg.terminal.profile != null -> lib.isList (cfg.terminal.profile.profiles or null);
          message = "wsl.distribution.terminal.profile needs a list ‘profiles’, for example { profiles = [ { colorScheme = \"Campbell\"; } ]; }.";
        }
      ];
  };
}
