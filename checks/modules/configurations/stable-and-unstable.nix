# A second nixpkgs with settings of its own by an overlay, and licences that are not free.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        modules = [
          nixos-wsl.nixosModules.default
          (
            { config, pkgs, ... }:
            {
              wsl.enable = true;
              nixpkgs = {
                hostPlatform = "x86_64-linux";
                config.allowUnfree = true;
                overlays = [
                  (final: _previous: {
                    stable = import nixpkgs {
                      inherit (final.stdenv.hostPlatform) system;
                      inherit (config.nixpkgs) config;
                    };
                  })
                ];
              };
              environment.systemPackages = [
                pkgs.stable.hello
                pkgs.unrar
              ];
            }
          )
        ];
      };
    };
}
