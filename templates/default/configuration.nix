# This file describes the whole system. Change it, then run `sudo nixos-rebuild switch`.
#
# Every option is on https://search.nixos.org/options; those of WSL begin with `wsl.` and are in this project's docs/options.md.
{ pkgs, ... }:
{
  wsl.enable = true;
  wsl.defaultUser = "alice";

  # This folder is /etc/nixos in the image, and nixos-rebuild takes the configuration of the host's name.
  wsl.image.configPath = ./.;
  networking.hostName = "mysystem";

  # Programs for every user; `nix search nixpkgs NAME` finds more.
  environment.systemPackages = [
    # pkgs.git
  ];

  # What is one user's alone, with home-manager (see flake.nix):
  # home-manager.users.alice = {
  #   programs.git.enable = true;
  #   home.stateVersion = "26.05";
  # };

  nix.settings.experimental-features = [
    "nix-command"
    "flakes"
  ];

  # The release this system was first installed with. Stored data has its formats: leave it as it is, also after an update.
  system.stateVersion = "26.05";
}
