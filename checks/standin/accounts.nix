# The stand-in's users and groups, with the ids NixOS gives them.
{
  # The users' real shell.
  shell,

  # Other shells, each an attribute from a user's name to a path.
  otherShells ? { },

  # Shells by name, and what ./configuration.nix gives: null where nothing is declared.
  shells ? { },
  configuration ? null,

  # Whether the first start makes the default user (wsl.distribution.oobe.askForUser).
  askForUser ? false,
}:

let
  group = name: gid: { inherit name gid; };
  user = name: uid: gid: home: {
    inherit
      name
      uid
      gid
      home
      shell
      ;
  };
  # Nobody logs in as one of these.
  daemon =
    name: id: home:
    user name id id home // { shell = "/run/current-system/sw/bin/nologin"; };
  # As `users.users.bob.isNormalUser = true` declares them: the first activation finds a number.
  normalUser = name: shell: {
    inherit name shell;
    gid = 100;
    home = "/home/${name}";
  };

  # Nix builds as these.
  buildUsers =
    map (number: daemon "nixbld${toString number}" (30000 + number) "/var/empty" // { gid = 30000; })
      [
        1
        2
      ];
  declared =
    if configuration == null then
      {
        users = [ ];
        groups = [ ];
        loginShell = shell;
      }
    else
      {
        users =
          buildUsers
          ++ map (
            name:
            normalUser name shells.${configuration.users.${name}.shell or "bash"}
            // {
              inherit (configuration.users.${name}) uid;
            }
          ) (builtins.attrNames configuration.users);
        groups = [
          (group "nixbld" 30000 // { members = map (user: user.name) buildUsers; })
        ]
        ++ map (name: configuration.groups.${name} // { inherit name; }) (
          builtins.attrNames configuration.groups
        );
        loginShell = shells.${configuration.loginShell};
      };
in
rec {
  users = [
    (user "root" 0 0 "/root" // { description = "System administrator"; })
    (daemon "messagebus" 4 "/run/dbus" // { description = "D-Bus system message bus daemon user"; })
    (daemon "systemd-network" 152 "/var/empty")
  ]
  ++ (
    if askForUser then
      [ ]
    else
      [ (user "nixos" 1000 100 "/home/nixos" // { shell = declared.loginShell; }) ]
  )
  ++ [
    (daemon "sshd" 999 "/var/empty" // { description = "SSH privilege separation user"; })
    (daemon "nobody" 65534 "/var/empty" // { description = "Unprivileged account (don't use!)"; })
  ]
  ++ declared.users;

  # They would get the number that the first start is to give.
  usersWithoutNumber =
    if askForUser then
      [ ]
    else
      [
        (normalUser "bob" shell)
      ]
      ++ map (name: normalUser name otherShells.${name}) (builtins.attrNames otherShells);

  groups = [
    {
      name = "root";
      gid = 0;
      # WSL's initgroups wants a supplementary group for root (U§3 F37).
      members = [ "root" ];
    }
    {
      name = "wheel";
      gid = 1;
      members = (if askForUser then [ ] else [ "nixos" ]) ++ map (user: user.name) usersWithoutNumber;
    }
    (group "kmem" 2)
    (group "tty" 3)
    (group "messagebus" 4)
    (group "disk" 6)
    (group "audio" 17)
    (group "uucp" 19)
    (group "lp" 20)
    (group "cdrom" 24)
    (group "tape" 25)
    (group "video" 26)
    (group "dialout" 27)
    (group "utmp" 29)
    (group "adm" 55)
    (group "systemd-journal" 62)
    (group "users" 100)
    (group "systemd-network" 152)
    (group "input" 174)
    (group "systemd-coredump" 151)
    (group "kvm" 302)
    (group "render" 303)
    (group "sgx" 304)
    (group "shadow" 318)
    (group "sshd" 999)
    (group "nogroup" 65534)
  ]
  ++ declared.groups;
}
