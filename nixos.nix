# One system and its image by attribute, in the manner of <nixpkgs/nixos>:
#
#   nix-build -A system -A config.system.build.tarball ./nixos.nix
#
# leaves the system in result and result-2/tarball/nixos-system-x86_64-linux.tar.gz.
{
  configuration ? ./nix/mysystem.nix,
  system ? builtins.currentSystem,
  nixpkgs ? (import ./nix/pins.nix).nixpkgs,
}:

import (nixpkgs + "/nixos") {
  inherit system;
  configuration =
    { lib, pkgs, ... }:
    {
      imports = [
        ./modules
        configuration
      ];
      wsl.image.fileName = lib.mkDefault "nixos-system-${pkgs.stdenv.hostPlatform.system}.tar.gz";
      wsl.image.config = lib.mkDefault "channel";
    };
}
