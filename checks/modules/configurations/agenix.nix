# Secrets by agenix, of which one is the user's password.
{
  outputs =
    {
      nixpkgs,
      nixos-wsl,
      agenix,
      ...
    }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.default
          agenix.nixosModules.default
          (
            { config, ... }:
            {
              wsl.enable = true;
              services.openssh.enable = true;
              age.secrets = {
                password.file = ./default.nix;
                token = {
                  file = ./default.nix;
                  owner = "nixos";
                  mode = "400";
                };
              };
              users.mutableUsers = false;
              users.users.nixos.hashedPasswordFile = config.age.secrets.password.path;
              systemd.services.sync.serviceConfig.EnvironmentFile = config.age.secrets.token.path;
            }
          )
        ];
      };
    };
  holds = config: {
    "secrets are decrypted before users are made" =
      builtins.elem "agenixInstall" config.system.activationScripts.users.deps;
    "a secret's group is its owner's" = config.age.secrets.token.group == "users";
  };
}
