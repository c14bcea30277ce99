# home-manager's module for NixOS as others see it: a submodule for each user, which reads the user's name, home, number and
# shell and gives back packages, files and a service that runs as the user.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:

let
  cfg = config.home-manager;
  inherit (lib) types;
  anything = lib.mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };

  home =
    { config, ... }:
    {
      options = {
        home = {
          username = lib.mkOption { type = types.str; };
          homeDirectory = lib.mkOption { type = types.path; };
          uid = lib.mkOption {
            type = types.nullOr types.int;
            default = null;
          };
          stateVersion = lib.mkOption { type = types.str; };
          packages = lib.mkOption {
            type = types.listOf types.package;
            default = [ ];
          };
          file = lib.mkOption {
            type = types.attrsOf (types.submodule { options.text = lib.mkOption { type = types.lines; }; });
            default = { };
          };
          sessionVariables = anything;
          path = lib.mkOption { type = types.package; };
          activationPackage = lib.mkOption { type = types.package; };
        };
        programs = anything;
        services = anything;
        xdg = anything;
        warnings = lib.mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
      };
      config.home = {
        path = pkgs.buildEnv {
          name = "home-manager-path";
          paths = config.home.packages;
        };
        activationPackage = pkgs.writeShellScriptBin "activate" ''
          cd ${config.home.homeDirectory}
          ${lib.concatStrings (
            lib.mapAttrsToList (name: file: "cp ${pkgs.writeText "file" file.text} ${name}\n") config.home.file
          )}
        '';
      };
    };
in
{
  options.home-manager = {
    useGlobalPkgs = lib.mkEnableOption "the system's packages";
    useUserPackages = lib.mkEnableOption "packages in users.users";
    startAsUserService = lib.mkEnableOption "services of the users";
    backupFileExtension = lib.mkOption {
      type = types.nullOr types.str;
      default = null;
    };
    extraSpecialArgs = anything;
    sharedModules = lib.mkOption {
      type = types.listOf types.raw;
      default = [ ];
    };
    users = lib.mkOption {
      default = { };
      type = types.attrsOf (
        types.submoduleWith {
          specialArgs = {
            inherit lib pkgs;
            osConfig = config;
          }
          // cfg.extraSpecialArgs;
          modules = [
            home
            (
              { name, ... }:
              {
                home = {
                  inherit (config.users.users.${name}) uid;
                  username = config.users.users.${name}.name;
                  homeDirectory = config.users.users.${name}.home;
                };
              }
            )
          ]
          ++ cfg.sharedModules;
        }
      );
    };
  };

  config = lib.mkMerge [
    { home-manager.extraSpecialArgs.nixosConfig = config; }
    (lib.mkIf (cfg.useUserPackages && cfg.users != { }) {
      users.users = lib.mapAttrs (_: user: { packages = [ user.home.path ]; }) cfg.users;
      environment.pathsToLink = [ "/etc/profile.d" ];
    })
    (lib.mkIf (cfg.startAsUserService && cfg.users != { }) {
      systemd.user.services.home-manager.unitConfig.RequiresMountsFor = "%h";
      system.userActivationScripts.home-manager = {
        text = "systemctl --user restart home-manager";
        deps = [ ];
      };
    })
    (lib.mkIf (!cfg.startAsUserService) {
      systemd.services = lib.mapAttrs' (
        _: user:
        lib.nameValuePair "home-manager-${utils.escapeSystemdPath user.home.username}" {
          wantedBy = [ "multi-user.target" ];
          before = [ "systemd-user-sessions.service" ];
          unitConfig.RequiresMountsFor = user.home.homeDirectory;
          serviceConfig = {
            Type = "oneshot";
            User = user.home.username;
            ExecStart = "${pkgs.runtimeShell} -el ${user.home.activationPackage}/bin/activate";
          };
        }
      ) cfg.users;
    })
    {
      warnings = lib.concatLists (
        lib.mapAttrsToList (
          name: user: map (warning: "${name} profile: ${warning}") user.warnings
        ) cfg.users
      );
    }
  ];
}
