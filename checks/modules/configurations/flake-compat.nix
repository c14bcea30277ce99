# flakes' outputs without flakes, and the module a second time from a module of somebody else's.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.default
          { imports = [ nixos-wsl.nixosModules.wsl ]; }
          "${nixos-wsl}/modules"
          { wsl.enable = true; }
        ];
      };
    };
}
