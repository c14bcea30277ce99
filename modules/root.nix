# The root file system: what the image holds before any activation, and what each activation brings up to date.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;

  # Those with a line in the image's /etc/passwd. Ids that NixOS leaves open are given out by the first activation, as on any
  # other machine.
  groups = lib.filter (group: group.gid != null) (lib.attrValues config.users.groups);
  gids = lib.listToAttrs (map (group: lib.nameValuePair group.name group.gid) groups);
  users = lib.sort (a: b: a.uid < b.uid) (
    lib.filter (user: user.enable && user.uid != null && gids ? ${user.group}) (
      lib.attrValues config.users.users
    )
  );

  # What NixOS would write for a new user. The activation finds the users already there and gives them nothing new.
  shadowField =
    user:
    if user.hashedPasswordFile != null then
      null
    else if plainPassword user != null then
      placeholder user
    else if user.hashedPassword != null then
      user.hashedPassword
    else if user.initialHashedPassword != null then
      user.initialHashedPassword
    else
      "!";
  plainPassword =
    user:
    if user.password != null then
      user.password
    else if user.hashedPassword == null then
      user.initialPassword
    else
      null;
  placeholder = user: "@${user.name}@";

  # Passwords given in plain text are hashed by the build; they are in the store anyway.
  usersWithPlainPassword = lib.filter (
    user: user.hashedPasswordFile == null && plainPassword user != null
  ) users;
  shadowText = (lib.findFirst (entry: entry.path == "/etc/shadow") null root.entries).text;
  hashOf = user: ''
    hash=$(printf %s ${lib.escapeShellArg (plainPassword user)} | mkpasswd --stdin --method=sha512crypt --salt=${
      lib.substring 0 16 (builtins.hashString "sha256" user.name)
    })
    substituteInPlace $out --replace-fail ${placeholder user} "$hash"
  '';
  shadow = {
    path = "/etc/shadow";
    type = "file";
    mode = "0640";
    uid = 0;
    gid = gids.shadow;
    source = "${pkgs.runCommand "shadow" { nativeBuildInputs = [ pkgs.buildPackages.mkpasswd ]; } ''
      cp ${pkgs.writeText "shadow" shadowText} $out
      chmod u+w $out
      ${lib.concatMapStrings hashOf usersWithPlainPassword}
    ''}";
  };

  rootUsers = map (user: {
    inherit (user)
      name
      uid
      description
      ;
    createHome = user.createHome || user.name == "root";
    homeMode = lib.fixedWidthString 4 "0" user.homeMode;
    home = toString user.home;
    gid = gids.${user.group};
    shell = user.wslShellPath;
    wrapShell = user.wslWrapShell;
    hashedPassword = shadowField user;
  }) users;

  root = import ../nix/root.nix {
    programs = {
      init = lib.getExe cfg.programs.nixos-wsl-init;
      shell = lib.getExe cfg.programs.nixos-wsl-shell;
      sh = lib.getExe cfg.programs.nixos-wsl-sh;
      cli = lib.getExe cfg.programs.nixos-wsl;
      session = lib.getExe cfg.programs.nixos-wsl-session;
      enter = if cfg.systemd.mode == "namespace" then lib.getExe cfg.programs.nixos-wsl-enter else null;
    };
    setuid = cfg.systemd.namespace.privileges == "setuid";
    users = rootUsers;
    # Everybody else whose shell is wrapped has no line in the image's /etc/passwd, but gets one that names the wrapper.
    otherShells = lib.filter (
      wrapped: !lib.any (user: user.name == wrapped.owner) users
    ) cfg.wrappedShells;
    defaultShell = "${pkgs.bashInteractive}/bin/bash";
    groups = map (group: { inherit (group) name gid members; }) groups;
    wslConf = cfg.files.wslConf;
    wslDistributionConf = cfg.files.distributionConf;
    osRelease = config.environment.etc.os-release.text;
    inherit (cfg) bin;
    extraEntries = lib.optional (usersWithPlainPassword != [ ]) shadow ++ cfg.root.extraEntries;
    inherit (cfg.root) extraApply;
  };

  # WSL looks for the user in /etc/passwd before an activation can have made it (`nixos-wsl prepare-start`).
  defaultUser = lib.findFirst (user: user.name == cfg.wslConf.user.default) null rootUsers;

  rootJson = pkgs.writeText "nixos-wsl-root.json" cfg.files.root;
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
    wsl.files.root = builtins.toJSON root.apply;

    system.systemBuilderCommands = ''
      mkdir -p $out/nixos-wsl
      ln -s ${rootJson} $out/nixos-wsl/root.json
    ''
    + lib.optionalString (defaultUser != null) ''
      ln -s ${pkgs.writeText "nixos-wsl-default-user" "${root.passwdLine defaultUser}\n"} $out/nixos-wsl/default-user
    '';

    system.activationScripts = {
      # Before the users, whose new shells must exist when /etc/passwd names them.
      wslRoot = lib.stringAfter [ "specialfs" ] ''
        # NixOS-WSL leaves a link to /bin here: what went through it would be gone with the next /bin.
        if [ -L /sbin ]; then
          mkdir -p /.sbin && cp -P /sbin/init /.sbin/
          { mv --exchange --no-target-directory /.sbin /sbin && rm /.sbin; } || { rm /sbin && mv -T /.sbin /sbin; }
        fi
        ${lib.getExe cfg.programs.nixos-wsl} apply ${rootJson}
      '';
      users = lib.mkIf (!config.services.userborn.enable && !config.systemd.sysusers.enable) {
        deps = [ "wslRoot" ];
      };
      # What is active now need not be what starts next: `nixos-rebuild test`, a start for once.
      wslNextStart = lib.stringAfter [ "etc" ] ''
        ${lib.getExe cfg.programs.nixos-wsl} prepare-start
      '';
    };
  };
}
