# The root file system: what the image holds before any activation, and what each activation brings up to date.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;

  # Ids that NixOS leaves open are given out by the first activation, as on any other machine.
  groups = lib.filter (group: group.gid != null) (lib.attrValues config.users.groups);
  gids = lib.listToAttrs (map (group: lib.nameValuePair group.name group.gid) groups);
  users = lib.sort (a: b: a.uid < b.uid) (
    lib.filter (user: user.enable && user.uid != null && gids ? ${user.group}) (
      lib.attrValues config.users.users
    )
  );

  root = import ../nix/root.nix {
    programs = {
      init = lib.getExe cfg.programs.nixos-wsl-init;
      shell = lib.getExe cfg.programs.nixos-wsl-shell;
      cli = lib.getExe cfg.programs.nixos-wsl;
    };
    users = map (user: {
      inherit (user)
        name
        uid
        description
        createHome
        homeMode
        ;
      home = toString user.home;
      gid = gids.${user.group};
      shell = user.wslShellPath;
      wrapShell = user.wslWrapShell;
      hashedPassword = if user.hashedPassword != null then user.hashedPassword else "!";
    }) users;
    groups = map (group: { inherit (group) name gid members; }) groups;
    wslConf = cfg.files.wslConf;
    wslDistributionConf = cfg.files.distributionConf;
    osRelease = config.environment.etc.os-release.text;
    inherit (cfg) bin;
    inherit (cfg.root) extraEntries extraApply;
  };

  rootJson = pkgs.writeText "nixos-wsl-root.json" (builtins.toJSON root.apply);
in
{
  options.wsl.root = {
    spec = lib.mkOption {
      type = lib.types.functionTo lib.types.raw;
      internal = true;
      readOnly = true;
      default = root.spec;
      description = "The image spec of a system.";
    };
    extraEntries = lib.mkOption {
      type = lib.types.listOf lib.types.raw;
      default = [ ];
      internal = true;
      description = "More entries of the image spec.";
    };
    extraApply = lib.mkOption {
      type = lib.types.attrsOf (lib.types.listOf lib.types.raw);
      default = { };
      internal = true;
      description = "More of what every activation brings up to date.";
    };
  };

  config = lib.mkIf cfg.enable {
    system.systemBuilderCommands = ''
      mkdir -p $out/nixos-wsl
      ln -s ${rootJson} $out/nixos-wsl/root.json
    '';

    system.activationScripts = {
      # Before the users, whose new shells must exist when /etc/passwd names them.
      wslRoot = lib.stringAfter [ "specialfs" ] ''
        ${lib.getExe cfg.programs.nixos-wsl} apply ${rootJson}
      '';
      users = lib.mkIf (!config.services.userborn.enable && !config.systemd.sysusers.enable) {
        deps = [ "wslRoot" ];
      };
      # /bin/sh is the wrapper's.
      binsh = lib.mkForce "";
    };
  };
}
