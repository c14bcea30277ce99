# The programs of the stand-in: Debian's packages, grouped and moved into the store so that they run from there alone.
{
  # Directory of .deb files.
  debs,
  # Directory of .deb files with Nix and all its libraries.
  nixDebs,
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
  filesOf = debs: filter (file: match ".*_.*\\.deb" file != null) (attrNames (readDir debs));
  files = filesOf debs;

  # A store path's name may not hold every character that a Debian version has.
  addToStore =
    debs: file:
    builtins.path {
      path = debs + "/${file}";
      name = "${nameOf file}.deb";
    };

  package = packageWith { };
  packageWith =
    {
      # What of the Debian packages is left out, as patterns of tar.
      without ? [ ],
      # Shell commands at the end; $out is whole then.
      finish ? "",
      # Directory of the .deb files.
      from ? debs,
    }:
    name: names: deps:
    derivation {
      inherit
        name
        system
        without
        finish
        ;
      builder = "/bin/bash";
      args = [
        "-euo"
        "pipefail"
        ./builders/package.sh
      ];
      PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
      LC_ALL = "C";
      debs = map (addToStore from) (filter (file: elem (nameOf file) names) (filesOf from));
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
  # Libraries of the shells, of ssh and of containers alone: most systems of the stand-in have none of them.
  otherLibraryNames = [
    "libbsd0"
    "libcbor0.8"
    "libedit2"
    "libfido2-1"
    "libmd0"
    "libpcre2-32-0"
    "libstdc++6"
    "libsubid4"
    "libwrap0"
    "libyajl2"
  ];
  # Of programs that are not taken: fish's manual pages and configuration in a browser, downloads of systemd.
  unusedNames = [
    "libbrotli1"
    "libcurl4"
    "libldap-2.5-0"
    "libnghttp2-14"
    "libpipeline1"
    "libpsl5"
    "libpython3-stdlib"
    "libpython3.11-minimal"
    "libpython3.11-stdlib"
    "librtmp1"
    "libsasl2-2"
    "libsasl2-modules-db"
    "libsqlite3-0"
    "libssh2-1"
    "libuchardet0"
  ];
  # Perl and what belongs to package management are dependencies of packages only, not of programs.
  isLibrary =
    file:
    match "lib.*|zlib1g_.*" file != null
    && match ".*perl.*|.*_all\\.deb" file == null
    && !elem (nameOf file) (glibcNames ++ pamNames ++ otherNames ++ otherLibraryNames ++ unusedNames);
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

  tzdata = packageWith {
    without = [
      "*/zoneinfo/posix"
      "*/zoneinfo/right"
    ];
  } "tzdata" [ "tzdata" ] [ glibc ];

  # For the systems that rebuild themselves. With a C library of its own, so that it may come from another release.
  nix =
    let
      libraries = filter (
        file: match "(lib|zlib1g).*" file != null && match ".*perl.*|.*_all\\.deb" file == null
      ) (filesOf nixDebs);
    in
    packageWith {
      from = nixDebs;
      # Debian's libraries come with more than Nix loads.
      finish = ''
        loaded=$("$loader" --list "$out/bin/nix" | grep -oE '/nix/store/[^ ]+' | xargs readlink -f)
        find "$out/lib" \( -type f -o -type l \) ! -name 'libnss_*' | while read -r file; do
          grep -qxF "$(readlink -f "$file")" <<<"$loaded" || rm "$file"
        done
        rm -rf "$out/share" "$out/etc"
      '';
    } "nix" ([ "nix-bin" ] ++ map nameOf libraries) [ ];

  # For the systems that have every way in; `default.nix` says which.
  ways =
    let
      otherLibraries = package "other-libraries" otherLibraryNames [
        libraries
        glibc
      ];
      deps = [
        otherLibraries
        libraries
        glibc
      ];
    in
    {
      dash = package "dash" [ "dash" ] [ glibc ];
      # Its name is an alternative of Debian's.
      ksh = packageWith { finish = "ln -s ksh93 $out/bin/ksh"; } "ksh" [ "ksh93u+m" ] deps;
      # The others are static.
      mksh = packageWith {
        without = [
          "./bin/lksh"
          "./usr/lib"
        ];
      } "mksh" [ "mksh" ] deps;
      yash = package "yash" [ "yash" ] deps;
      zsh = packageWith { without = [ "*/zsh/pcre.so" ]; } "zsh" [ "zsh" ] deps;
      fish =
        packageWith
          {
            without = [ "./usr/share/fish/tools" ];
            # As nixpkgs does, so that /etc/fish counts.
            finish = "echo 'if test -f /etc/fish/config.fish; source /etc/fish/config.fish; end' >> $out/etc/fish/config.fish";
          }
          "fish"
          [
            "fish"
            "fish-common"
          ]
          deps;
      openssh = package "openssh" [
        "openssh-client"
        "openssh-server"
      ] ([ pam ] ++ deps);
      bsdutils = package "bsdutils" [ "bsdutils" ] deps;
      machined = packageWith { without = [ "./lib/systemd/systemd-pull" ]; } "systemd-machined" [
        "systemd-container"
      ] ([ systemd ] ++ deps);
      # Rootless containers.
      crun = packageWith { without = [ "*/libcrun.a" ]; } "crun" [ "crun" ] deps;
      uidmap = package "uidmap" [ "uidmap" ] deps;
      udev = packageWith { without = [ "./lib/udev/hwdb.d" ]; } "udev" [ "udev" ] ([ systemd ] ++ deps);
    };
}
