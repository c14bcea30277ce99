{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    nixos-wsl.url = "github:OWNER/nixos-wsl"; # wherever you keep this repository
    nixos-wsl.inputs.nixpkgs.follows = "nixpkgs";
    # home-manager.url = "github:nix-community/home-manager";
    # home-manager.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { nixpkgs, nixos-wsl, ... }@inputs:
    {
      nixosConfigurations.mysystem = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux"; # or "aarch64-linux"
        modules = [
          nixos-wsl.nixosModules.default
          # inputs.home-manager.nixosModules.home-manager
          ./configuration.nix
        ];
      };
    };
}
