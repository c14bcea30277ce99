# What the modules write for WSL and for this project's programs, as one JSON file. tests/modules.rs has the programs' own
# parsers read it: `texts` of this derivation is the same without a build.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  texts = module: {
    inherit
      (rec {
        inherit (lib'.wsl [ module ]) config;
        files = config.wsl.files // {
          setEnvironment = config.system.build.setEnvironment.text;
        };
        spec = config.system.build.tarball.spec // {
          # Not the real one, which would have to be evaluated as a whole.
          profile = "${builtins.storeDir}/00000000000000000000000000000000-nixos-system";
        };
      })
      files
      spec
      ;
  };
  cases = {
    default = { };

    # Every key, with the values that its grammar makes difficult.
    all-keys.wsl = {
      distribution = {
        defaultName = "My.NixOS_1";
        oobe.command = "${pkgs.hello}/bin/hello";
        oobe.defaultUid = 1000;
        shortcut.enable = false;
        terminal.profile.profiles = [ { colorScheme = "Campbell"; } ];
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

    paths.wsl = {
      wslConf.automount.root = "/";
      interop.windowsPath = [ "*/bin" ];
      ssh-agent.enable = true;
      ssh-agent.users = [ "nixos" ];
      useWindowsDriver = true;
      boot.activationTimeout = 30;
      extraBin = [
        {
          src = "${pkgs.wget}/bin/wget";
          copy = true;
        }
      ];
      image.files."/etc/skel/x" = {
        source = ./.;
        mode = "0750";
      };
    };
  };

  all = lib.mapAttrs (_: texts) cases;
in
# Without context: the file is read, not run, and must not need a whole system built.
pkgs.writeText "modules.json" (builtins.unsafeDiscardStringContext (builtins.toJSON all))
// {
  texts = all;
}
