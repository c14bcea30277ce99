# sops-nix where userborn makes the users: its units take the place of activation scripts.
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
          {
            wsl.enable = true;
            services.userborn.enable = true;
            services.openssh.enable = true;
            sops.defaultSopsFile = ./default.nix;
            sops.validateSopsFiles = false;
            sops.secrets.token.restartUnits = [ "sshd.service" ];
          }
        ];
      };
    };
}
