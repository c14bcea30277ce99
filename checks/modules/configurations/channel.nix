# `configuration.nix` without a flake: the module by its channel, everything else by NixOS's own.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    let
      __nixPath = [
        {
          prefix = "nixpkgs";
          path = nixpkgs.outPath;
        }
        {
          prefix = "nixos-wsl";
          path = nixos-wsl.outPath;
        }
      ];
      __findFile = builtins.findFile;
    in
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = null;
        modules = [
          (
            { config, pkgs, ... }:
            {
              imports = [ <nixos-wsl/modules> ];
              nixpkgs.hostPlatform = "x86_64-linux";
              wsl.enable = true;
              wsl.defaultUser = "nixos";
              environment.systemPackages = [ pkgs.vim ];
              system.stateVersion = "25.05";
            }
          )
        ];
      };
    };
  holds = config: {
    "the image has a configuration for channels" = config.wsl.image.config == "channel";
  };
}
