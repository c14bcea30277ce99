# What people set for Nix itself, without channels.
{
  config,
  lib,
  pkgs,
  ...
}:
{
  nix = {
    package = pkgs.nixVersions.latest;
    channel.enable = false;
    optimise.automatic = true;
    gc = {
      automatic = true;
      dates = "weekly";
      options = "--delete-older-than 14d";
    };
    registry = lib.mapAttrs (_: path: lib.mkForce { flake.outPath = path; }) { nixpkgs = pkgs.path; };
    nixPath = lib.mapAttrsToList (name: _: "${name}=flake:${name}") config.nix.registry;
    settings = {
      experimental-features = "nix-command flakes";
      flake-registry = "";
      auto-optimise-store = true;
      max-jobs = "auto";
      trusted-users = [ config.wsl.defaultUser ];
    };
    extraOptions = "!include /etc/nix/access-tokens";
  };
  system.autoUpgrade = {
    enable = true;
    flake = "/etc/nixos";
    dates = "daily";
  };
}
