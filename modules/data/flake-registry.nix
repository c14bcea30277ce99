# Names of flakes that users type and that nothing in the system pins: repositories on GitHub.
{
  agenix = "ryantm/agenix";
  disko = "nix-community/disko";
  flake-parts = "hercules-ci/flake-parts";
  flake-utils = "numtide/flake-utils";
  home-manager = "nix-community/home-manager";
  nix = "NixOS/nix";
  nix-darwin = "nix-darwin/nix-darwin";
  nixos-hardware = "NixOS/nixos-hardware";
  nixos-search = "NixOS/nixos-search";
  nur = "nix-community/NUR";
  sops-nix = "Mic92/sops-nix";
  systems = "nix-systems/default";
  templates = "NixOS/templates";
}
