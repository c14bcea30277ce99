# Configurations that several checks look at, by name. What does not touch each other shares one, because each takes
# seconds to evaluate.
{ pkgs }:

let
  inherit (pkgs) lib;
in
{
  # Another manager of users, emulation, containers, and every feature of this project.
  everything = {
    services.userborn.enable = true;
    users.users.carol.isNormalUser = true;
    boot.binfmt.emulatedSystems = [
      (if pkgs.stdenv.hostPlatform.isx86_64 then "aarch64-linux" else "x86_64-linux")
    ];
    virtualisation.docker.enable = true;
    virtualisation.podman.enable = true;
    wsl = {
      boot.activationTimeout = 30;
      # Of a known origin, as a flake gives them: `nix` stands for the trees.
      image.projectUrl = "github:example/nixos-wsl/main";
      sources = lib.genAttrs [ "nixpkgs" "self" ] (name: {
        outPath = ../../nix;
        narHash = "sha256-${name}";
        lastModified = 7;
        rev = "0123456789012345678901234567890123456789";
      });
      docker-desktop.enable = true;
      extraBin = [
        {
          src = "${pkgs.wget}/bin/wget";
          copy = true;
          name = "wget-copy";
        }
      ];
      image.files."/etc/skel/x" = {
        source = ./.;
        mode = "0755";
      };
      interop = {
        register = true;
        windowsPath = [ "*/bin" ];
        programs.clip = "/c/Windows/System32/clip.exe";
      };
      kernelModules = [ "zram" ];
      ssh-agent = {
        enable = true;
        users = [ "nixos" ];
      };
      startMenuLaunchers = true;
      usbip = {
        enable = true;
        autoAttach = [ "4-1" ];
      };
      useWindowsDriver = true;
      vscode.enable = true;
      wslConf.automount.root = "/";
    };
  };

  # Another owner of /bin, users made by systemd, which the shells start, no display, names of one's own.
  envfs = {
    services.envfs.enable = true;
    systemd.sysusers.enable = true;
    users.mutableUsers = false;
    users.allowNoPasswordLogin = true;
    users.users.runner = {
      isSystemUser = true;
      group = "users";
      useDefaultShell = true;
    };
    networking.nameservers = [ "192.0.2.1" ];
    networking.extraHosts = "192.0.2.2 printer";
    wsl.systemd.mode = "namespace";
    wsl.wslConf = {
      general.guiApplications = false;
      network.generateResolvConf = false;
      network.generateHosts = false;
    };
  };

  # An attribute that is not the user's name, shells of every form.
  accounts = {
    wsl.defaultUser = "me";
    wsl.defaultUid = 1234;
    users.users = {
      me = {
        name = "alice";
        shell = pkgs.zsh;
        initialPassword = "plain";
      };
      # As home-manager and other user managers give it.
      bob = {
        isNormalUser = true;
        uid = 1001;
        shell = "/etc/profiles/per-user/bob/bin/fish";
        hashedPasswordFile = "/etc/secrets/bob";
      };
      # The usual forms: the activation finds the numbers.
      carol.isNormalUser = true;
      dave = {
        isNormalUser = true;
        shell = pkgs.bashInteractive;
        group = "daemon";
      };
      daemon = {
        isSystemUser = true;
        group = "daemon";
      };
    };
    users.defaultUserShell = pkgs.zsh;
    users.groups.daemon = { };
    programs.zsh.enable = true;
  };

  # Names that NixOS-WSL had, and no program that is setuid.
  former.wsl = {
    automountOptions = "metadata";
    automountPath = "/drives";
    docker.enable = true;
    systemd.mode = "namespace";
    systemd.namespace.privileges = "root";
    tarball.configPath = ../../nix;
    usbip.enable = true;
    usbip.snippetIpAddress = "192.0.2.1";
  };

  # Every key of WSL's files, with the values that their grammar makes difficult, and an image of one's own.
  custom.users.users.carol.isNormalUser = true;
  custom.users.defaultUserShell = pkgs.fish;
  custom.programs.fish.enable = true;
  custom.wsl = {
    distribution = {
      defaultName = "My.NixOS_1";
      oobe.command = "${pkgs.hello}/bin/hello";
      oobe.defaultUid = 1000;
      shortcut.enable = false;
      terminal.profile.profiles = [ { colorScheme = "Campbell"; } ];
    };
    image = {
      fileName = "mine.wsl";
      compressionLevel = 9;
      config = "channel";
      offlineChanges = false;
      sources = false;
      files = {
        "/home/nixos/.config/git/config" = {
          text = "[user]\n";
          user = "nixos";
          group = "users";
        };
        "/opt/tool" = {
          source = ../modules;
          group = 7;
        };
        "/etc/link".target = "/opt/tool";
      };
    };
    wslConf = {
      automount = {
        enabled = false;
        root = "/win dows";
        options = "metadata,umask=22";
        mountFsTab = true;
        ldconfig = true;
        cgroups = "v1";
      };
      boot = {
        command = "echo \"a # b\" \\ 'c'\n\techo d ";
        initTimeout = 20000;
        protectBinfmt = false;
      };
      interop.enabled = false;
      interop.appendWindowsPath = true;
      network = {
        generateHosts = false;
        generateResolvConf = false;
        hostname = "host-1";
      };
      time.useWindowsTimezone = false;
      user.default = "bob";
      gpu.enabled = false;
      gpu.appendLibPath = false;
      general.guiApplications = false;
      filesystem.umask = 63;
      fileServer = {
        enabled = false;
        logFile = "/var/log/a b;c";
        logLevel = 3;
        logTruncate = false;
      };
    };
  };
}
