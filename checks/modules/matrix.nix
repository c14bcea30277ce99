# Combinations with other modules of nixpkgs, with the wrapped shells in place. Their images are images.nix's.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  # What else holds, by case.
  expected = {
    default = config: [ ];

    everything =
      config:
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
      ) "kernel modules are loaded by name";

    envfs =
      config:
      lib'.expect (lib.hasInfix "nixos-wsl-shims" config.services.envfs.extraFallbackPathCommands) "envfs answers for /bin/sh, login and mount"
      ++ lib'.expect config.environment.etc.hosts.enable "/etc/hosts is NixOS's"
      ++ lib'.expect (
        lib.attrByPath [ "users" "text" ] "" config.system.activationScripts == ""
      ) "sysusers replaces the script for users"
      ++ lib'.expect (lib.hasInfix
        "u nixos 1000:users \"\" /home/nixos /usr/lib/nixos-wsl/shells/nixos/bash"
        config.environment.etc."sysusers.d".source.text
      ) "systemd makes the default user with the wrapped shell"
      ++ lib'.expect (
        config.systemd.tmpfiles.settings.home-directories ? "/home/nixos"
      ) "the default user's home is made"
      ++ lib'.expect (!config.wsl.wslConf.boot.systemd) "WSL does not start systemd";
  };

  failuresOf =
    name: expected:
    let
      system = lib'.systems.${name};
      inherit (system) config;
      user = config.users.users.${config.wsl.defaultUser};
      entries = lib'.entriesOf system;
    in
    map (message: "${name}: ${message}") (
      lib'.failedAssertions system
      ++ lib'.expect (config.warnings == [ ]) "warnings: ${toString config.warnings}"
      ++ lib'.expect (lib.hasPrefix "/usr/lib/nixos-wsl/shells/${user.name}/" user.wslLoginShell) "activation writes the wrapped shell"
      ++ lib'.expect (lib.hasInfix ":${user.wslLoginShell}\n"
        entries."/etc/passwd".text
      ) "the image has the wrapped shell"
      ++ lib'.expect (entries."/sbin".type == "directory") "/sbin is a real directory"
      ++ lib'.expect (entries."/sbin/init".type == "file") "/sbin/init is a regular file"
      ++ expected config
    );
in
lib'.decide "matrix" (lib.concatLists (lib.mapAttrsToList failuresOf expected))
