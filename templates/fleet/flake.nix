{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    nixos-wsl.url = "github:OWNER/nixos-wsl"; # wherever you keep this repository
    nixos-wsl.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    {
      self,
      nixpkgs,
      nixos-wsl,
      ...
    }:
    let
      # A configuration is one of a role. Who the user is, the machine's own /etc/nixos/user.nix says.
      machine =
        user: name:
        { system, role }:
        nixpkgs.lib.nixosSystem {
          inherit system;
          modules = [
            nixos-wsl.nixosModules.default
            ./common.nix
            role
            user
            { networking.hostName = name; }
          ];
        };
    in
    {
      lib.machines =
        user:
        nixpkgs.lib.mapAttrs (machine user) {
          developer = {
            system = "x86_64-linux";
            role = ./roles/developer.nix;
          };
          developer-arm = {
            system = "aarch64-linux";
            role = ./roles/developer.nix;
          };
          analyst = {
            system = "x86_64-linux";
            role = ./roles/analyst.nix;
          };
        };

      # `nix build .#manifest`: every image, and the list that `wsl --install` takes them from.
      packages.x86_64-linux.manifest = nixos-wsl.lib.manifest nixpkgs.legacyPackages.x86_64-linux {
        url = "https://downloads.example.com/wsl";
        systems = [
          self.nixosConfigurations.developer
          self.nixosConfigurations.developer-arm
          self.nixosConfigurations.analyst
        ];
      };

      # For the images and for the cache. Each image asks for its user.
      nixosConfigurations = self.lib.machines ./machine/user.nix;
    };
}
