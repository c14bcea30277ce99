# One set of modules for a Mac and for WSL: they ask for the platform, and for options that only one of both has.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }@inputs:
    let
      common =
        {
          lib,
          options,
          pkgs,
          isDarwin,
          ...
        }:
        {
          imports = lib.optionals (!isDarwin) [ { programs.nix-ld.enable = true; } ];
          config = lib.mkMerge [
            {
              environment.systemPackages = [
                pkgs.git
              ]
              ++ lib.optionals pkgs.stdenv.isLinux [ pkgs.strace ];
            }
            (lib.optionalAttrs isDarwin { homebrew.enable = true; })
            (lib.optionalAttrs (options ? wsl) {
              wsl.enable = true;
              wsl.interop.register = true;
            })
          ];
        };
    in
    {
      darwinConfigurations = throw "not on this machine";
      nixosConfigurations.wsl = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        specialArgs = {
          inherit inputs;
          isDarwin = false;
        };
        modules = [
          nixos-wsl.nixosModules.default
          common
        ];
      };
    };
}
