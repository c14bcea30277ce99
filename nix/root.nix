# The root file system before any activation, and what activation keeps in it: plain values in, entries out.
#
# WSL mounts drives, logs users in and starts /sbin/init before a generation is active (W§4.5, W§11), so these files are
# real ones that no broken generation can take away. Builtins only, no nixpkgs. The result:
#
#   entries           the image spec's entries (docs/design.md)
#   spec TOPLEVEL     the whole image spec for that system
#   apply             `nixos-wsl/root.json` of a system: what `nixos-wsl apply` brings up to date on activation.
#                     It does not depend on a system, so a system can hold it.
#   loginShell USER   the shell to write into /etc/passwd for a user of the list below
#   passwdLine USER   that user's line in /etc/passwd
#   shells            these shells, of all that nixos-wsl-shell serves
{
  # Static programs, as absolute paths of files in the store:
  #   init   /sbin/init
  #   shell  every user's login shell
  #   sh     /bin/sh, /bin/login and /bin/mount: runs the program of its own name
  #   cli    /bin/nixos-wsl and what a stock DistroLauncher runs, or null to leave them out
  #   enter  nixos-wsl-enter, or null: only where the mode needs it (wsl.systemd.mode)
  #   session  nixos-wsl-session, which goes with it
  programs,

  # Whether nixos-wsl-enter works for every user, or for root alone (wsl.systemd.namespace.privileges).
  setuid ? true,

  # Users as a list of
  #   { name; uid; gid; home; shell;     # `shell` is the real shell, an absolute path
  #     description ? "";
  #     hashedPassword ? "!";            # "!" lets nobody in by password; null leaves the line to the activation
  #     wrapShell ? …;                   # put nixos-wsl-shell before the real shell; default: unless it is nologin or false
  #     createHome ? wrapShell; homeMode ? "0700"; }
  # root must be one of them; WSL reads these files itself, without NSS.
  users,

  # Shells to wrap besides those of these users, as a list of { owner; shell; }: of users whose numbers are found by an
  # activation, and of whoever is made at run time. An owner is a folder: a user's name, or one that no user can have.
  otherShells ? [ ],

  # The shell, an absolute path, of users whose own is gone; null where nothing takes its place.
  defaultShell ? null,

  # Groups as a list of { name; gid; members ? [ ]; }.
  groups,

  # Texts. null leaves the file out, where WSL does without it.
  wslConf,
  wslDistributionConf ? null,
  osRelease,

  # More names in /bin: { mount = { target = "/nix/store/…"; }; foo = { source = "/nix/store/…"; mode = "0755"; }; }
  # `target` makes a symbolic link, `source` a copy.
  bin ? { },

  # More entries, in the spec's format. They come last, so that they replace those made here.
  extraEntries ? [ ],

  # More of what activation keeps: { files; links; trees; }, each a list in root.json's format.
  extraApply ? { },
}:

let
  inherit (builtins)
    attrNames
    baseNameOf
    concatMap
    concatStringsSep
    dirOf
    elem
    filter
    head
    map
    toString
    ;

  inherit (import ./entries.nix)
    copy
    directory
    directoryOf
    link
    text
    ;

  lines = list: concatStringsSep "" (map (line: line + "\n") list);
  colons = concatStringsSep ":";
  when = condition: list: if condition then list else [ ];
  gidOf =
    name:
    let
      found = filter (group: group.name == name) groups;
    in
    if found == [ ] then 0 else (head found).gid;

  # --- users -------------------------------------------------------------------------------------------------------

  shells = "/usr/lib/nixos-wsl/shells";

  isWrapped =
    user:
    user.wrapShell or (
      !elem (baseNameOf user.shell) [
        "nologin"
        "false"
      ]
    );
  # A name alone: it does not bring the shell's package along.
  nameOf = path: builtins.unsafeDiscardStringContext (baseNameOf path);
  wrapperOf = owner: shell: "${shells}/${owner}/${nameOf shell}";
  loginShell = user: if isWrapped user then wrapperOf user.name user.shell else user.shell;
  wrappedUsers = filter isWrapped users;
  wrappedShells =
    map (user: {
      owner = user.name;
      inherit (user) shell;
    }) wrappedUsers
    ++ otherShells;

  passwdLine =
    user:
    colons [
      user.name
      "x"
      (toString user.uid)
      (toString user.gid)
      (user.description or "")
      user.home
      (loginShell user)
    ];
  # The day of the last password change is 1, as NixOS writes it: 0 would ask for a new password at the first login.
  shadowLine = user: "${user.name}:${user.hashedPassword or "!"}:1::::::";
  groupLine =
    group:
    colons [
      group.name
      "x"
      (toString group.gid)
      (concatStringsSep "," (group.members or [ ]))
    ];

  accountFiles = [
    (text "/etc/passwd" "0644" 0 (lines (map passwdLine users)))
    (text "/etc/group" "0644" 0 (lines (map groupLine groups)))
    (text "/etc/shadow" "0640" (gidOf "shadow") (
      lines (map shadowLine (filter (user: user.hashedPassword or "!" != null) users))
    ))
  ];

  homes = map (user: directoryOf user.home (user.homeMode or "0700") user.uid user.gid) (
    filter (user: user.createHome or (isWrapped user)) users
  );

  # Each wrapper is a file of its own: its name tells programs which shell it is, its neighbour which one to run.
  wrappers = map (wrapped: {
    path = wrapperOf wrapped.owner wrapped.shell;
    inherit (wrapped) shell;
  }) wrappedShells;
  wrapperEntries = concatMap (wrapped: [
    (directory (dirOf wrapped.path))
    (copy wrapped.path "0755" programs.shell)
    (link "${dirOf wrapped.path}/real" wrapped.shell)
  ]) wrappers;

  # --- programs ----------------------------------------------------------------------------------------------------

  forwarder = {
    source = programs.sh;
    mode = "0755";
  };
  binNames = {
    sh = forwarder;
    login = forwarder;
    mount = forwarder;
  }
  // (
    if programs.cli or null == null then
      { }
    else
      {
        nixos-wsl = {
          source = programs.cli;
          mode = "0755";
        };
      }
  )
  // bin;

  # The store holds no setuid bits, and wrappers in /run are not there before the first activation. A tree, so that the
  # programs go with the mode that needs them; not before the systemd that was started with them has ended.
  privileged = {
    path = "/usr/lib/nixos-wsl/bin";
    keep = [
      "nixos-wsl-enter"
      "nixos-wsl-session"
    ];
    keepWhile = "/run/nixos-wsl/state";
    exclusive = true;
    entries = when (programs.enter or null != null) [
      {
        name = "nixos-wsl-enter";
        source = programs.enter;
        mode = if setuid then "4755" else "0755";
      }
      {
        name = "nixos-wsl-session";
        source = programs.session;
        mode = "0755";
      }
    ];
  };

  # What a stock DistroLauncher makes its user with (W§9). Scripts, because a link's name is whatever its caller says it is.
  launcherFiles =
    map
      (name: {
        path = "/usr/sbin/${name}";
        source = builtins.toFile name "#!/bin/nixos-wsl ${name}\n";
        mode = "0755";
      })
      (
        when (programs.cli or null != null) [
          "adduser"
          "deluser"
          "usermod"
        ]
      );

  initFile = {
    path = "/sbin/init";
    source = programs.init;
    mode = "0755";
  };

  # WSL makes these itself, and gives up where it cannot: on a disk that is read-only at the very first start (W§4.1, 4.2).
  wslNames = [
    "wslinfo"
    "wslpath"
  ];
  wslLinks = map (path: link path "/init") (
    map (name: "/bin/${name}") wslNames ++ [ "/sbin/mount.drvfs" ]
  );

  fileEntry = file: copy file.path file.mode file.source;
  binEntry =
    name:
    let
      entry = binNames.${name};
    in
    if entry ? target then
      link "/bin/${name}" entry.target
    else
      copy "/bin/${name}" (entry.mode or "0755") entry.source;

  # --- directories -------------------------------------------------------------------------------------------------

  # WSL creates files in /bin, /sbin, /usr/lib, /lib/modules and /mnt, so each is a real, writable directory (W§11.11).
  directories =
    map directory [
      "/"
      "/bin"
      "/dev"
      "/etc"
      "/home"
      "/lib"
      "/lib/modules"
      "/mnt"
      "/nix"
      "/nix/var"
      "/nix/var/log"
      "/nix/var/log/nix"
      "/nix/var/log/nix/drvs"
      "/nix/var/nix"
      "/nix/var/nix/gcroots"
      "/nix/var/nix/gcroots/per-user"
      "/nix/var/nix/profiles"
      "/nix/var/nix/profiles/per-user"
      "/nix/var/nix/profiles/per-user/root"
      "/nix/var/nix/temproots"
      "/nix/var/nix/userpool"
      "/proc"
      "/run"
      "/sbin"
      "/sys"
      "/usr"
      "/usr/bin"
      "/usr/lib"
      "/usr/lib/nixos-wsl"
      shells
      "/usr/sbin"
      "/usr/share"
      "/var"
      "/var/cache"
      "/var/lib"
      "/var/lib/nixos-wsl"
      "/var/log"
      "/var/spool"
    ]
    ++ [
      (directoryOf "/tmp" "1777" 0 0)
      (directoryOf "/var/tmp" "1777" 0 0)
      (directoryOf "/var/empty" "0555" 0 0)
    ];

  # A daemon that builds as other users wants the store writable by their group, sticky; it would set that itself.
  nixbld = gidOf "nixbld";
  storeDirectory =
    if nixbld == 0 then directory "/nix/store" else directoryOf "/nix/store" "1775" 0 nixbld;

  configFiles = [
    (text "/etc/NIXOS" "0644" 0 "")
    (text "/etc/os-release" "0644" 0 osRelease)
    (text "/etc/wsl.conf" "0644" 0 wslConf)
  ]
  ++ when (wslDistributionConf != null) [
    (text "/etc/wsl-distribution.conf" "0644" 0 wslDistributionConf)
  ];

  # --- the results -------------------------------------------------------------------------------------------------

  entries =
    directories
    ++ [ storeDirectory ]
    ++ homes
    ++ accountFiles
    ++ configFiles
    ++ [
      (fileEntry initFile)
      (directory privileged.path)
    ]
    ++ map (entry: copy "${privileged.path}/${entry.name}" entry.mode entry.source) privileged.entries
    ++ map binEntry (attrNames binNames)
    ++ wslLinks
    ++ wrapperEntries
    ++ map fileEntry launcherFiles
    ++ extraEntries;

  apply = {
    version = 1;
    files = [ initFile ] ++ launcherFiles ++ extraApply.files or [ ];
    links = extraApply.links or [ ];
    shells = {
      path = shells;
      source = programs.shell;
      default = defaultShell;
      inherit wrappers;
    };
    trees = [
      {
        path = "/bin";
        keep = wslNames;
        entries = map (name: { inherit name; } // binNames.${name}) (attrNames binNames);
      }
      privileged
    ]
    ++ extraApply.trees or [ ];
  };
in
{
  inherit
    entries
    apply
    loginShell
    passwdLine
    ;
  shells = map (wrapped: wrapped.path) wrappers;
  spec = toplevel: {
    version = 1;
    profile = "${toplevel}";
    inherit entries;
  };
}
