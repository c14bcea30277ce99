# This file describes the whole system, without flakes. It needs two channels of root's, which a first image brings along:
#
#   nix-channel --add https://channels.nixos.org/nixos-unstable nixos
#   nix-channel --add https://github.com/OWNER/nixos-wsl/archive/main.tar.gz nixos-wsl   # wherever you keep it
#   nix-channel --update
#   nix-build '<nixos/nixos>' -I nixos-config=./configuration.nix -A config.system.build.tarball
#
# leaves the image in result/tarball. Inside it: change this file, then run `sudo nixos-rebuild switch`.
{ pkgs, ... }:
{
  imports = [ <nixos-wsl/modules> ];

  wsl.enable = true;
  wsl.defaultUser = "alice";

  # This folder is /etc/nixos in the image.
  wsl.image.configPath = ./.;
  wsl.image.config = "channel";

  # Programs for every user; `nix-env -qaP NAME` finds more.
  environment.systemPackages = [
    # pkgs.git
  ];

  # The release this system was first installed with. Stored data has its formats: leave it as it is, also after an update.
  system.stateVersion = "26.05";
}
