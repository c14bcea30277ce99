# The NixOS module as the flake exports it: it takes its sources from the flake's inputs, so that overriding or
# following an input works, where ../modules alone takes those that flake.lock pins.
inputs:
{ lib, ... }:
{
  _file = ./module.nix;
  # One module, however often it is imported.
  key = "nixos-wsl/flake";
  imports = [ ../modules ];

  wsl.sources = {
    crane = lib.mkDefault inputs.crane.sourceInfo;
    nixpkgs = lib.mkDefault inputs.nixpkgs.sourceInfo;
    self = lib.mkDefault inputs.self.sourceInfo;
  };
  wsl.version.rev = lib.mkIf (inputs.self ? rev) (lib.mkDefault inputs.self.rev);
}
