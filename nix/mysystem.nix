# The system that this repository builds and that an image starts with.
{ config, ... }:
{
  wsl.enable = true;

  # A new image starts with the newest state; a running system must keep the value of its first installation.
  system.stateVersion = config.system.nixos.release;
}
