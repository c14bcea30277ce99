# Users: an attribute that is not the user's name, wrapped shells in every form, and ids that flow into WSL's files; and in
# every kind of system, whoever's line in /etc/passwd can name a wrapper has it.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  system = lib'.systems.accounts;
  inherit (system) config;
  entries = lib'.entriesOf system;
  passwd = lib.splitString "\n" entries."/etc/passwd".text;
  shells = "/usr/lib/nixos-wsl/shells";
  has = lines: line: lib.elem line lines;
  installed = map lib.getName config.environment.systemPackages;

  # Every shell that a line in /etc/passwd can name: the configuration's, useradd's, and those that chsh permits.
  plain = builtins.unsafeDiscardStringContext;
  shellsOf = config: map plain (lib.filter lib.isString (shellValues config));
  shellValues =
    config:
    map (user: user.wslLoginShell) (lib.filter (user: user.enable) (lib.attrValues config.users.users))
    ++ map (lib.removePrefix "SHELL=") (
      lib.filter (lib.hasPrefix "SHELL=") (
        lib.splitString "\n" config.environment.etc."default/useradd".source.text
      )
    )
    ++ lib.splitString "\n" config.environment.etc.shells.text;
  # $SHELL is the active system's path of the shell, or the shell's own where the system has not that program there.
  # Programs take a shell for one only if it is in /etc/shells.
  unknownShells =
    name:
    { config, ... }:
    let
      permitted = map plain (lib.splitString "\n" config.environment.etc.shells.text);
      isKnown =
        user:
        has permitted "/run/current-system/sw/bin/${baseNameOf (plain user.wslShellPath)}"
        || has permitted (plain user.wslShellPath);
    in
    map (user: "${name}: /etc/shells has no $SHELL of ${user.name}'s") (
      lib.filter (user: user.enable && user.wslWrapShell && !isKnown user) (
        lib.attrValues config.users.users
      )
    );
  wrappersMissing =
    name:
    { config, ... }@system:
    let
      entries = lib'.entriesOf system;
      plan = (builtins.fromJSON (plain config.wsl.files.root)).shells;
      planned = lib.listToAttrs (
        map (wrapper: lib.nameValuePair wrapper.path wrapper.shell) plan.wrappers
      );
      named = lib.filter (lib.hasPrefix shells) (shellsOf config);
      own = lib.filter (user: user.enable && user.wslWrapShell) (lib.attrValues config.users.users);
    in
    lib'.expect (lib.length named > lib.length own) "${name}: nobody's shell is wrapped"
    ++ lib.concatMap (
      shell:
      lib'.expect (planned ? ${shell}) "${name}: ${shell} is not in root.json"
      ++ lib'.expect (
        (entries.${shell}.type or "") == "file"
        && (entries."${dirOf shell}/real".target or "") == planned.${shell} or null
      ) "${name}: ${shell} is not in the image"
    ) named
    ++ lib'.expect (lib.all (
      user: planned.${user.wslLoginShell} or null == plain user.wslShellPath
    ) own) "${name}: a wrapper does not run its user's shell"
    ++ lib'.expect (lib.any (lib.hasPrefix "SHELL=${shells}/@") (
      lib.splitString "\n" config.environment.etc."default/useradd".source.text
    )) "${name}: useradd gives a shell without a wrapper";
in
lib'.decide "users" (
  map (message: "assertion: ${message}") (lib'.failedAssertions system)
  ++ lib'.expect (has passwd "alice:x:1234:100::/home/alice:${shells}/alice/zsh") "the default user's line in /etc/passwd"
  ++ lib'.expect (has passwd "bob:x:1001:100::/home/bob:${shells}/bob/fish") "a user whose shell is a path"
  ++ lib'.expect (
    config.users.users.me.wslLoginShell == "${shells}/alice/zsh"
  ) "the shell that activation writes"
  ++ lib'.expect (
    !lib.any (
      line:
      lib.any (name: lib.hasPrefix "${name}:" line) [
        "carol"
        "daemon"
        "dave"
      ]
    ) passwd
  ) "a user without a uid has no line in the image"
  ++ lib'.expect (
    entries."${shells}/alice/real".target == "${pkgs.zsh}/bin/zsh"
  ) "the real shell of a package"
  ++ lib'.expect (
    entries."${shells}/bob/real".target == "/etc/profiles/per-user/bob/bin/fish"
  ) "the real shell of a path"
  ++ lib'.expect (entries."${shells}/alice/zsh".type == "file") "the wrapper is a regular file"
  ++ lib'.expect (lib.elem "${shells}/alice/zsh" config.environment.shells) "the wrapper is a permitted shell"
  ++ lib'.expect (lib.elem "zsh" installed) "the shell's package is installed"
  ++ lib'.expect (entries."/etc/shadow" ? source) "a plain password is hashed by the build"
  ++ lib'.expect (
    entries."/home/alice".uid == 1234 && entries."/home/alice".mode == "0700"
  ) "the home belongs to the user"
  ++ lib'.expect (entries."/root".mode == "0700") "root has a home"
  ++ lib'.expect (config.wsl.wslConf.user.default == "alice") "user.default is the user's name"
  ++ lib'.expect (
    config.wsl.wslConf.automount.options == "metadata,uid=1234,gid=100"
  ) "automount.options follow the uid"
  ++ lib'.expect (lib.hasInfix "defaultUid=1234" config.wsl.files.distributionConf) "wsl-distribution.conf follows the uid"
  ++ lib.concatLists (
    lib.mapAttrsToList (name: system: unknownShells name system ++ wrappersMissing name system) {
      inherit (lib'.systems)
        accounts
        custom
        default
        envfs
        everything
        ;
    }
  )
)
