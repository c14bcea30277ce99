# The system that this repository builds. An image of it holds the same as /etc/nixos/configuration.nix
# (modules/image-config.nix), so that its first rebuild finds everything built.
{ config, ... }:
{
  wsl.enable = true;

  nix.settings.experimental-features = [
    "nix-command"
    "flakes"
  ];

  # A new image starts with the newest formats; a running system keeps those of its first installation.
  system.stateVersion = config.system.nixos.release;
}
