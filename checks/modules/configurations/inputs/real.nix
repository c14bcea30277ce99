# The flakes that the others here stand for, from trees of them by name (checks/modules/configurations.py).
{ nixpkgs }:
paths:

builtins.intersectAttrs paths {
  agenix.nixosModules.default = "${paths.agenix}/modules/age.nix";
  flake-parts = (import "${paths.flake-parts}/flake.nix").outputs { nixpkgs-lib = nixpkgs; };
  home-manager.nixosModules = rec {
    home-manager = "${paths.home-manager}/nixos";
    default = home-manager;
  };
  nixos-wsl = {
    outPath = paths.nixos-wsl;
    nixosModules = rec {
      wsl = "${paths.nixos-wsl}/modules";
      default = wsl;
    };
  };
  sops-nix.nixosModules.sops = "${paths.sops-nix}/modules/sops";
  vscode-server.nixosModules.default = "${paths.vscode-server}/modules/vscode-server";
}
