# Names of programs in /bin and /usr/bin (wsl.compat): the package of each, from which of its values on it is there, and who
# calls it by path or with no PATH but these folders. `wrappers` are those that need root's rights, in /run/wrappers/bin;
# `nix` and `systemd` are the system's own. WSL's calls are in src/wsl/contract.json.
[
  {
    package = "coreutils";
    level = "tools";
    callers = "WSL's units and queries (src/wsl/contract.json), the set-up of Docker Desktop, every script";
    names = [
      "["
      "b2sum"
      "base32"
      "base64"
      "basename"
      "basenc"
      "cat"
      "chgrp"
      "chmod"
      "chown"
      "chroot"
      "cksum"
      "comm"
      "cp"
      "csplit"
      "cut"
      "date"
      "dd"
      "df"
      "dir"
      "dircolors"
      "dirname"
      "du"
      "echo"
      "env"
      "expand"
      "expr"
      "factor"
      "false"
      "fmt"
      "fold"
      "groups"
      "head"
      "hostid"
      "id"
      "install"
      "join"
      "link"
      "ln"
      "logname"
      "ls"
      "md5sum"
      "mkdir"
      "mkfifo"
      "mknod"
      "mktemp"
      "mv"
      "nice"
      "nl"
      "nohup"
      "nproc"
      "numfmt"
      "od"
      "paste"
      "pathchk"
      "pinky"
      "pr"
      "printenv"
      "printf"
      "ptx"
      "pwd"
      "readlink"
      "realpath"
      "rm"
      "rmdir"
      "seq"
      "sha1sum"
      "sha224sum"
      "sha256sum"
      "sha384sum"
      "sha512sum"
      "shred"
      "shuf"
      "sleep"
      "sort"
      "split"
      "stat"
      "stdbuf"
      "stty"
      "sum"
      "sync"
      "tac"
      "tail"
      "tee"
      "test"
      "timeout"
      "touch"
      "tr"
      "true"
      "truncate"
      "tsort"
      "tty"
      "uname"
      "unexpand"
      "uniq"
      "unlink"
      "users"
      "vdir"
      "wc"
      "who"
      "whoami"
      "yes"
    ];
  }
  {
    package = "bashInteractive";
    level = "tools";
    callers = "bash.exe; the scripts of VS Code, Cursor, JetBrains and the agents call it by both paths";
    names = [
      "bash"
    ];
  }
  {
    package = "systemd";
    level = "tools";
    callers = "WSL's readiness query and shutdown; `wsl -e poweroff`";
    names = [
      "halt"
      "hostnamectl"
      "journalctl"
      "loginctl"
      "poweroff"
      "reboot"
      "shutdown"
      "systemctl"
      "systemd-run"
      "timedatectl"
    ];
  }
  {
    package = "gnugrep";
    level = "tools";
    callers = "WSL's readiness query, every script";
    names = [
      "egrep"
      "fgrep"
      "grep"
    ];
  }
  {
    package = "gnused";
    level = "tools";
    callers = "VS Code's check of the server's requirements";
    names = [
      "sed"
    ];
  }
  {
    package = "findutils";
    level = "tools";
    callers = "VS Code's and JetBrains' clean-up of old servers";
    names = [
      "find"
      "xargs"
    ];
  }
  {
    package = "gawk";
    level = "tools";
    callers = "VS Code's check of the server's requirements";
    names = [
      "awk"
      "gawk"
    ];
  }
  {
    package = "gnutar";
    level = "tools";
    callers = "VS Code, Cursor, JetBrains and Zed unpack their servers";
    names = [
      "tar"
    ];
  }
  {
    package = "gzip";
    level = "tools";
    callers = "the same archives";
    names = [
      "gunzip"
      "gzip"
      "zcat"
    ];
  }
  {
    package = "xz";
    level = "tools";
    callers = "the same archives";
    names = [
      "unxz"
      "xz"
      "xzcat"
    ];
  }
  {
    package = "bzip2";
    level = "tools";
    callers = "the same archives";
    names = [
      "bunzip2"
      "bzcat"
      "bzip2"
    ];
  }
  {
    package = "zstd";
    level = "tools";
    callers = "the same archives";
    names = [
      "unzstd"
      "zstd"
      "zstdcat"
    ];
  }
  {
    package = "diffutils";
    level = "tools";
    callers = "agents compare files";
    names = [
      "cmp"
      "diff"
    ];
  }
  {
    package = "gnupatch";
    level = "tools";
    callers = "agents change files";
    names = [
      "patch"
    ];
  }
  {
    package = "less";
    level = "tools";
    callers = "the pager of git and others";
    names = [
      "less"
    ];
  }
  {
    package = "curl";
    level = "tools";
    callers = "VS Code and Cursor fetch their servers where wget is missing; installers of agents";
    names = [
      "curl"
    ];
  }
  {
    package = "procps";
    level = "tools";
    callers = "VS Code's, Cursor's and the agents' lists of processes";
    names = [
      "free"
      "kill"
      "pgrep"
      "pidof"
      "pkill"
      "ps"
      "sysctl"
      "top"
      "uptime"
    ];
  }
  {
    package = "util-linux";
    level = "tools";
    callers = "JetBrains and VS Code start their servers by setsid and take a lock; Docker Desktop mounts";
    names = [
      "dmesg"
      "flock"
      "getopt"
      "lscpu"
      "more"
      "mountpoint"
      "nsenter"
      "script"
      "setsid"
      "umount"
      "unshare"
    ];
  }
  {
    package = "which";
    level = "tools";
    callers = "installers look for programs";
    names = [
      "which"
    ];
  }
  {
    package = "getent";
    level = "tools";
    callers = "VS Code looks up the user's shell";
    names = [
      "getent"
    ];
  }
  {
    package = "getconf";
    level = "tools";
    callers = "installers ask for the width of a word";
    names = [
      "getconf"
    ];
  }
  {
    package = "glibc.bin";
    level = "tools";
    callers = "VS Code, Cursor and installers ask ldd which C library this is";
    names = [
      "ldd"
    ];
  }
  {
    package = "hostname";
    level = "tools";
    callers = "installers and shell themes";
    names = [
      "hostname"
    ];
  }
  {
    package = "iproute2";
    level = "tools";
    callers = "JetBrains, usbipd-win and scripts look for the address of Windows";
    names = [
      "ip"
      "ss"
    ];
  }
  {
    package = "shadow";
    level = "tools";
    callers = "Docker Desktop makes its group; launchers of distributions make users";
    names = [
      "groupadd"
      "groupdel"
      "useradd"
      "userdel"
      "usermod"
    ];
  }
  {
    package = "nix";
    level = "tools";
    callers = "editors' extensions and `wsl -e nix`";
    names = [
      "nix"
      "nix-build"
      "nix-channel"
      "nix-collect-garbage"
      "nix-env"
      "nix-instantiate"
      "nix-shell"
      "nix-store"
    ];
  }
  {
    package = "wrappers";
    level = "tools";
    callers = "`wsl -e sudo`; editors that write files of root";
    names = [
      "passwd"
      "su"
      "sudo"
    ];
  }
  {
    package = "file";
    level = "full";
    callers = "agents and installers look at what a file is";
    names = [
      "file"
    ];
  }
  {
    package = "gitMinimal";
    level = "full";
    callers = "VS Code, JetBrains and every agent";
    names = [
      "git"
    ];
  }
  {
    package = "python3";
    level = "full";
    callers = "scripts of agents, node-gyp";
    names = [
      "python3"
    ];
  }
  {
    package = "unzip";
    level = "full";
    callers = "installers";
    names = [
      "unzip"
    ];
  }
  {
    package = "wget";
    level = "full";
    callers = "VS Code and Cursor fetch their servers";
    names = [
      "wget"
    ];
  }
  {
    package = "zip";
    level = "full";
    callers = "installers";
    names = [
      "zip"
    ];
  }
]
