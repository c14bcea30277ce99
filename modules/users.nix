# wsl.defaultUser, and the wrapper in front of every login shell.
#
# WSL starts shells outside PAM, so nothing but the shell in /etc/passwd can set the NixOS environment (W§6.3, W§11.5).
# That shell is a static file outside the store: it still starts when a generation, or the user's shell, is gone.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:

let
  cfg = config.wsl;

  utils = import (modulesPath + "/../lib/utils.nix") { inherit config lib pkgs; };

  isPackage = lib.types.shellPackage.check;
  isLoginShell =
    shell:
    shell != null
    && !lib.elem (baseNameOf (if isPackage shell then shell.shellPath else shell)) [
      "false"
      "nologin"
    ];

  # In the store where it can be, because the wrapper may run it before any generation is active.
  pathOf = shell: if isPackage shell then "${shell}${shell.shellPath}" else toString shell;
  nameOf = path: builtins.unsafeDiscardStringContext (baseNameOf path);
  wrapperOf = owner: path: "/usr/lib/nixos-wsl/shells/${owner}/${nameOf path}";

  wrapped = lib.filter (user: user.enable && user.wslWrapShell) (lib.attrValues config.users.users);

  # For whoever is made at run time, a wrapper of every permitted shell: useradd and chsh write it into /etc/passwd.
  # The folder's name is one that no user can have.
  sharedOwner = path: "@${nameOf path}";
  sharedWrapper = path: wrapperOf (sharedOwner path) path;
  default = config.users.defaultUserShell;
  shared = lib.attrValues (
    lib.listToAttrs (
      map (path: lib.nameValuePair (nameOf path) path) (
        lib.optional (isLoginShell default) (pathOf default)
        ++ lib.filter (lib.hasPrefix builtins.storeDir) (map pathOf config.environment.shells)
      )
    )
  );
in
{
  options = {
    wsl.defaultUser = lib.mkOption {
      type = lib.types.str;
      default = "nixos";
      example = "alice";
      description = ''
        Attribute in {option}`users.users` of the user that WSL opens shells for.

        The user is created with sudo rights. To rename them later, change this, then run `nixos-rebuild boot`,
        `wsl --terminate` the distribution, and start it again.
      '';
    };

    wsl.defaultUid = lib.mkOption {
      type = lib.types.ints.between 1000 60000;
      default = 1000;
      example = 1001;
      description = ''
        User id of the default user. Windows drives are mounted for it, and WSLg's sockets belong to 1000, so change it
        only if the files of an older installation belong to another id.
      '';
    };

    wsl.wrappedShells = lib.mkOption {
      type = lib.types.listOf lib.types.raw;
      internal = true;
      readOnly = true;
      default =
        map (user: {
          owner = user.name;
          shell = user.wslShellPath;
        }) wrapped
        ++ map (path: {
          owner = sharedOwner path;
          shell = path;
        }) shared;
      description = "Owner and shell of every wrapper, whether its owner has a number or not.";
    };

    users.users = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule (
          { config, options, ... }:
          {
            options = {
              # nixpkgs declares the option. A package stays one for whoever reads it, with the wrapper's path in it for
              # `utils.toShellPath`; a path has room for nothing beside it.
              shell = lib.mkOption {
                apply =
                  shell:
                  if !(cfg.enable && isLoginShell shell) then
                    shell
                  else if isPackage shell then
                    shell // { wslWrapper = config.wslLoginShell; }
                  else
                    config.wslLoginShell;
              };
              wslLoginShell = lib.mkOption {
                type = lib.types.nullOr lib.types.str;
                readOnly = true;
                internal = true;
                default =
                  if config.wslWrapShell then
                    wrapperOf config.name config.wslShellPath
                  else
                    utils.toShellPath config.wslRealShell;
                description = "The shell that the user's line in {file}`/etc/passwd` names.";
              };
              wslRealShell = lib.mkOption {
                type = lib.types.raw;
                readOnly = true;
                internal = true;
                default = options.shell.type.merge options.shell.loc options.shell.definitionsWithLocations;
                description = "The shell as it was configured, before the wrapper took its place.";
              };
              wslWrapShell = lib.mkOption {
                type = lib.types.bool;
                readOnly = true;
                internal = true;
                default = isLoginShell config.wslRealShell;
                description = "Whether the shell lets the user in, and so gets the wrapper.";
              };
              wslShellPath = lib.mkOption {
                type = lib.types.str;
                readOnly = true;
                internal = true;
                default =
                  if config.wslRealShell == null then
                    "/run/current-system/sw/bin/nologin"
                  else
                    pathOf config.wslRealShell;
                description = "Path of the program that the wrapper runs.";
              };
            };
          }
        )
      );
    };
  };

  config = lib.mkIf cfg.enable {
    # An assertion says what to write for root; definitions that contradict root's own would come first.
    users.users = lib.mkMerge [
      (lib.mkIf (cfg.defaultUser != "root" && !cfg.distribution.oobe.askForUser) {
        ${cfg.defaultUser} = lib.mkMerge [
          {
            uid = lib.mkDefault cfg.defaultUid;
            extraGroups = [ "wheel" ];
          }
          (
            # systemd-sysusers makes system users alone: this one has all that makes a normal user but the name.
            if config.systemd.sysusers.enable then
              {
                isSystemUser = true;
                group = lib.mkDefault "users";
                createHome = lib.mkDefault true;
                home = lib.mkDefault "/home/${config.users.users.${cfg.defaultUser}.name}";
                useDefaultShell = lib.mkDefault true;
              }
            else
              { isNormalUser = true; }
          )
        ];
      })
      # Without a supplementary group WSL's `initgroups` for root fails: "initgroups failed 5".
      { root.extraGroups = [ "root" ]; }
    ];

    # Every module of nixpkgs that writes a shell into a file asks this function for its path.
    _module.args.utils = lib.mkForce (
      utils // { toShellPath = shell: shell.wslWrapper or (utils.toShellPath shell); }
    );

    # The wrapper is what /etc/passwd names; the shell's own path is what $SHELL is (src/session/environment.rs).
    environment.shells = lib.concatMap (user: [
      user.wslLoginShell
      (utils.toShellPath user.wslRealShell)
    ]) wrapped;
    # Beside the others, not among them: they follow from that list.
    environment.etc.shells.text = lib.mkIf config.environment.shell.enable (
      lib.concatMapStrings (path: "${sharedWrapper path}\n") shared
    );
    # nixpkgs' text with the wrapper in it.
    environment.etc."default/useradd" =
      lib.mkIf (config.security.shadow.enable && isLoginShell default)
        {
          source = lib.mkForce (
            pkgs.writeText "useradd" ''
              GROUP=100
              HOME=${config.users.defaultUserHome}
              SHELL=${sharedWrapper (pathOf default)}
            ''
          );
        };

    assertions = [
      {
        assertion = cfg.defaultUser != "root";
        message = "wsl.defaultUser is the user that the system makes, which root cannot be. For root's shells set wsl.wslConf.user.default = \"root\", and leave wsl.defaultUser as it is.";
      }
      {
        assertion =
          config.systemd.sysusers.enable && !cfg.distribution.oobe.askForUser
          -> config.users.users.${cfg.defaultUser}.name == cfg.defaultUser;
        message = "systemd.sysusers.enable names users after their attribute in users.users: set wsl.defaultUser to the user's name, and leave users.users.<name>.name out.";
      }
    ];
  };
}
