# Secrets by sops-nix with a key in the user's home.
{
  outputs =
    {
      nixpkgs,
      nixos-wsl,
      sops-nix,
      ...
    }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.default
          sops-nix.nixosModules.sops
          (
            { config, ... }:
            {
              wsl.enable = true;
              sops = {
                defaultSopsFile = ./default.nix;
                validateSopsFiles = false;
                age.keyFile = "/home/nixos/.config/sops/age/keys.txt";
                secrets.password.neededForUsers = true;
                secrets."github/token".owner = config.users.users.nixos.name;
              };
              users.users.nixos.hashedPasswordFile = config.sops.secrets.password.path;
            }
          )
        ];
      };
    };
}
