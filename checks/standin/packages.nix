# The programs of the stand-in: Debian's packages, grouped and moved into the store so that they run from there alone.
{
  # Directory of .deb files.
  debs,
  system,
}:

let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    filter
    head
    match
    readDir
    ;

  # "libc6_2.36-9_amd64.deb" → "libc6"
  nameOf = file: head (match "([^_]*)_.*" file);
  files = filter (file: match ".*_.*\\.deb" file != null) (attrNames (readDir debs));

  # A store path's name may not hold every character that a Debian version has.
  addToStore =
    file:
    builtins.path {
      path = debs + "/${file}";
      name = "${nameOf file}.deb";
    };

  package =
    name: names: deps:
    derivation {
      inherit name system;
      builder = "/bin/bash";
      args = [
        "-euo"
        "pipefail"
        ./builders/package.sh
      ];
      PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
      LC_ALL = "C";
      debs = map addToStore (filter (file: elem (nameOf file) names) files);
      deps = map (dep: "${dep}") deps;
    };

  glibcNames = [
    "libc6"
    "libc-bin"
    "libgcc-s1"
  ];
  pamNames = [
    "libpam0g"
    "libpam-modules"
    "libpam-modules-bin"
  ];
  otherNames = [
    "libpam-runtime"
    "libpam-systemd"
    "libsystemd-shared"
  ];
  # Perl and what belongs to package management are dependencies of packages only, not of programs.
  isLibrary =
    file:
    match "lib.*|zlib1g_.*" file != null
    && match ".*perl.*|.*_all\\.deb" file == null
    && !elem (nameOf file) (glibcNames ++ pamNames ++ otherNames);
in
rec {
  glibc = package "glibc" glibcNames [ ];
  libraries = package "libraries" (map nameOf (filter isLibrary files)) [ glibc ];
  pam = package "linux-pam" pamNames [
    libraries
    glibc
  ];
  bash =
    package "bash"
      [ "bash" ]
      [
        libraries
        glibc
      ];
  coreutils =
    package "coreutils"
      [ "coreutils" ]
      [
        libraries
        glibc
      ];
  gnugrep =
    package "gnugrep"
      [ "grep" ]
      [
        bash
        libraries
        glibc
      ];
  gnused =
    package "gnused"
      [ "sed" ]
      [
        libraries
        glibc
      ];
  findutils =
    package "findutils"
      [ "findutils" ]
      [
        libraries
        glibc
      ];
  hostname = package "hostname" [ "hostname" ] [ glibc ];
  procps =
    package "procps"
      [ "procps" ]
      [
        libraries
        glibc
      ];
  util-linux =
    package "util-linux"
      [
        "mount"
        "util-linux"
        "util-linux-extra"
      ]
      [
        pam
        libraries
        glibc
      ];
  shadow =
    package "shadow"
      [
        "login"
        "passwd"
      ]
      [
        bash
        coreutils
        pam
        libraries
        glibc
      ];
  sudo =
    package "sudo"
      [ "sudo" ]
      [
        pam
        libraries
        glibc
      ];
  systemd =
    package "systemd"
      [
        "libpam-systemd"
        "libsystemd-shared"
        "systemd"
      ]
      [
        bash
        coreutils
        util-linux
        pam
        libraries
        glibc
      ];
  dbus =
    package "dbus"
      [
        "dbus"
        "dbus-bin"
        "dbus-daemon"
        "dbus-session-bus-common"
        "dbus-system-bus-common"
        "dbus-user-session"
      ]
      [
        systemd
        libraries
        glibc
      ];
}
