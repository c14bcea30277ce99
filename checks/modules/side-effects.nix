# Importing the module without wsl.enable changes nothing: the system is the same derivation.
{ pkgs, lib', ... }:

let
  path = system: builtins.unsafeDiscardStringContext system.config.system.build.toplevel.drvPath;
  # As little as a system needs, for a machine without WSL.
  machine = {
    # Its pages are a quarter of the evaluation.
    documentation.enable = false;
    documentation.nixos.enable = false;
    boot.loader.grub.enable = false;
    fileSystems."/" = {
      device = "/dev/sda1";
      fsType = "ext4";
    };
    users.users.alice = {
      isNormalUser = true;
      shell = pkgs.zsh;
    };
    programs.zsh.enable = true;
  };
in
lib'.decide "side-effects" (
  lib'.expect (
    path (lib'.bare [ machine ]) == path (lib'.imported [ machine ])
  ) "a system that imports the module without wsl.enable differs from one that does not"
)
