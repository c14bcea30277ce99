# Combinations with other modules of nixpkgs: each evaluates to a system, with the wrapped shells in place. What does not
# touch each other shares a system, because each takes seconds.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  otherSystem = if pkgs.stdenv.hostPlatform.isx86_64 then "aarch64-linux" else "x86_64-linux";

  cases = {
    default = {
      module = { };
      check =
        { config, ... }: lib'.expect (config.warnings == [ ]) "warnings: ${toString config.warnings}";
    };

    # With another manager of users, emulation, containers and every option of this project.
    everything = {
      module = {
        services.userborn.enable = true;
        boot.binfmt.emulatedSystems = [ otherSystem ];
        virtualisation.docker.enable = true;
        virtualisation.podman.enable = true;
        wsl = {
          docker-desktop.enable = true;
          interop = {
            register = true;
            windowsPath = [ "*/Microsoft VS Code/bin" ];
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
      check =
        { config, ... }:
        let
          binfmt = toString config.systemd.services.systemd-binfmt.serviceConfig.ExecStart;
        in
        lib'.expect (
          !config.system.activationScripts ? users || config.system.activationScripts.users == ""
        ) "userborn replaces the script for users"
        ++ lib'.expect (lib.hasInfix "/etc/binfmt.d/nixos.conf" binfmt) "binary formats are added one by one: ${binfmt}"
        ++ lib'.expect (
          !config.systemd.units."proc-sys-fs-binfmt_misc.automount".enable
        ) "the automount of binary formats is WSL's"
        ++ lib'.expect (lib.elem "nixos" config.users.groups.docker.members) "the default user is in the group docker"
        ++ lib'.expect (
          config.systemd.tmpfiles.settings.graphics-driver."/run/opengl-driver"."L+".argument
          == "/run/nixos-wsl/graphics"
        ) "/run/opengl-driver leads to the links made at boot"
        ++ lib'.expect (
          lib.sort lib.lessThan (
            lib.splitString "\n" config.environment.etc."modules-load.d/nixos-wsl.conf".text
          ) == [
            ""
            "vhci-hcd"
            "zram"
          ]
        ) "kernel modules are loaded by name"
        ++ lib'.expect (config.warnings == [ ]) "warnings: ${toString config.warnings}";
    };

    # Another owner of /bin, no display, names of one's own.
    envfs = {
      module = {
        services.envfs.enable = true;
        wsl.wslConf.general.guiApplications = false;
        wsl.wslConf.network.generateResolvConf = false;
        wsl.wslConf.network.generateHosts = false;
        networking.nameservers = [ "192.0.2.1" ];
        networking.extraHosts = "192.0.2.2 printer";
      };
      check =
        { config, ... }:
        lib'.expect (lib.hasInfix "nixos-wsl-shims" config.services.envfs.extraFallbackPathCommands) "envfs answers for /bin/sh, login and mount"
        ++ lib'.expect (!(config.systemd.services ? nixos-wsl-x11)) "no unit waits for a display"
        ++ lib'.expect (config.warnings == [ ]) "settings that take effect do not warn"
        ++ lib'.expect config.environment.etc.hosts.enable "/etc/hosts is NixOS's";
    };

    namespace = {
      module.wsl.systemd.mode = "namespace";
      check =
        { config, ... }: lib'.expect (!config.wsl.wslConf.boot.systemd) "WSL does not start systemd";
    };
  };

  failuresOf =
    name: case:
    let
      system = lib'.wsl [ case.module ];
      inherit (system) config;
      entries = lib'.entriesOf system;
      shell = "/usr/lib/nixos-wsl/shells/nixos/bash";
    in
    map (message: "${name}: ${message}") (
      lib'.failedAssertions system
      ++ lib'.expect (config.users.users.nixos.shell == shell) "activation writes the wrapped shell"
      ++ lib'.expect (lib.hasInfix ":${shell}\n"
        entries."/etc/passwd".text
      ) "the image has the wrapped shell"
      ++ lib'.expect (entries."/sbin".type == "directory") "/sbin is a real directory"
      ++ lib'.expect (entries."/sbin/init".type == "file") "/sbin/init is a regular file"
      ++ lib'.expect (lib.isString config.system.build.tarball.drvPath) "the image evaluates"
      ++ case.check system
    );
in
lib'.decide "matrix" (lib.concatLists (lib.mapAttrsToList failuresOf cases))
