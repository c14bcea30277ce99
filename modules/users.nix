# wsl.defaultUser, and the wrapper in front of every login shell.
#
# WSL starts shells outside PAM, so nothing but the shell in /etc/passwd can set the NixOS environment (W§6.3, W§11.5).
# That shell is a static file outside the store: it still starts when a generation, or the user's shell, is gone.
{
  config,
  lib,
  ...
}:

let
  cfg = config.wsl;

  isPackage = lib.types.shellPackage.check;
  isLoginShell =
    shell:
    shell != null
    && !lib.elem (baseNameOf (if isPackage shell then shell.shellPath else shell)) [
      "false"
      "nologin"
    ];

  wrapped = lib.filter (user: user.enable && user.wslWrapShell) (lib.attrValues config.users.users);
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

    users.users = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule (
          { config, options, ... }:
          {
            options = {
              # nixpkgs declares the option; only what others read of it changes.
              shell = lib.mkOption {
                apply =
                  shell:
                  if cfg.enable && isLoginShell shell then
                    "/usr/lib/nixos-wsl/shells/${config.name}/${builtins.unsafeDiscardStringContext (baseNameOf config.wslShellPath)}"
                  else
                    shell;
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
              # In the store, because the wrapper may run it before any generation is active.
              wslShellPath = lib.mkOption {
                type = lib.types.str;
                readOnly = true;
                internal = true;
                default =
                  let
                    shell = config.wslRealShell;
                  in
                  if shell == null then
                    "/run/current-system/sw/bin/nologin"
                  else if isPackage shell then
                    "${shell}${shell.shellPath}"
                  else
                    toString shell;
                description = "Path of the program that the wrapper runs.";
              };
            };
          }
        )
      );
    };
  };

  config = lib.mkIf cfg.enable {
    users.users.${cfg.defaultUser} = lib.mkMerge [
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

    # Without a supplementary group WSL's `initgroups` for root fails: "initgroups failed 5".
    users.users.root.extraGroups = [ "root" ];

    # nixpkgs would have done both for the shell that the wrapper hides from it.
    environment.systemPackages = lib.filter isPackage (map (user: user.wslRealShell) wrapped);
    environment.shells = map (user: user.shell) wrapped;

    assertions = [
      {
        assertion =
          config.systemd.sysusers.enable -> config.users.users.${cfg.defaultUser}.name == cfg.defaultUser;
        message = "systemd.sysusers.enable names users after their attribute in users.users: set wsl.defaultUser to the user's name, and leave users.users.<name>.name out.";
      }
    ];
  };
}
