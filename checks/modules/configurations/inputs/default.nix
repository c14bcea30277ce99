# Other people's flakes, as far as the configurations use them: the real ones are not needed, and checks/modules/configurations.py
# takes them where they are at hand.
{ nixpkgs }:

{
  agenix.nixosModules.default = ./agenix.nix;
  flake-parts.lib = import ./flake-parts.nix { inherit nixpkgs; };
  home-manager.nixosModules = rec {
    home-manager = ./home-manager.nix;
    default = home-manager;
  };
  sops-nix.nixosModules.sops = ./sops-nix.nix;
  vscode-server.nixosModules.default = ./vscode-server.nix;
}
