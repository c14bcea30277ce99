# The stand-in's users and groups, with the ids NixOS gives them.
{
  # The users' real shell.
  shell,
}:

let
  group = name: gid: { inherit name gid; };
in
{
  users = [
    {
      name = "root";
      uid = 0;
      gid = 0;
      description = "System administrator";
      home = "/root";
      inherit shell;
    }
    {
      name = "messagebus";
      uid = 4;
      gid = 4;
      description = "D-Bus system message bus daemon user";
      home = "/run/dbus";
      shell = "/run/current-system/sw/bin/nologin";
    }
    {
      name = "systemd-network";
      uid = 152;
      gid = 152;
      home = "/var/empty";
      shell = "/run/current-system/sw/bin/nologin";
    }
    {
      name = "nixos";
      uid = 1000;
      gid = 100;
      home = "/home/nixos";
      inherit shell;
    }
    {
      name = "nobody";
      uid = 65534;
      gid = 65534;
      description = "Unprivileged account (don't use!)";
      home = "/var/empty";
      shell = "/run/current-system/sw/bin/nologin";
    }
  ];

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
      members = [ "nixos" ];
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
    (group "nogroup" 65534)
  ];
}
