# A flake with one host, whose modules take the inputs and the user's name as special arguments.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }@inputs:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        specialArgs = {
          inherit inputs;
          username = "sam";
          hostname = "nixos";
        };
        modules = [
          nixos-wsl.nixosModules.wsl
          (
            {
              inputs,
              username,
              hostname,
              pkgs,
              ...
            }:
            {
              wsl.enable = true;
              wsl.defaultUser = username;
              networking.hostName = hostname;
              nix.registry.nixpkgs.flake = inputs.nixpkgs;
              nix.nixPath = [ "nixpkgs=${inputs.nixpkgs}" ];
              users.users.${username} = {
                isNormalUser = true;
                description = "Sam";
                extraGroups = [
                  "wheel"
                  "networkmanager"
                ];
                packages = [ pkgs.jq ];
              };
              system.stateVersion = "24.05";
            }
          )
        ];
      };
    };
  holds = config: {
    "the user keeps what the configuration says" =
      config.users.users.sam.isNormalUser && config.users.users.sam.description == "Sam";
  };
}
