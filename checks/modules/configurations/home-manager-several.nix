# home-manager for several users with modules that all share, which ask what the system is and has.
{
  outputs =
    {
      nixpkgs,
      nixos-wsl,
      home-manager,
      ...
    }@inputs:
    {
      nixosConfigurations.desk = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.wsl
          home-manager.nixosModules.default
          (
            { config, pkgs, ... }:
            {
              wsl.enable = true;
              wsl.defaultUser = "ann.example";
              programs.fish.enable = true;
              users.users = {
                "ann.example".shell = pkgs.fish;
                ben = {
                  isNormalUser = true;
                  home = "/srv/ben";
                  shell = config.programs.fish.package;
                };
              };
              home-manager = {
                startAsUserService = true;
                extraSpecialArgs = { inherit inputs; };
                sharedModules = [
                  (
                    { lib, osConfig, ... }:
                    {
                      home.stateVersion = osConfig.system.stateVersion;
                      home.sessionVariables.BROWSER = lib.mkIf osConfig.wsl.enable "wslview";
                      home.file."shell".text = toString osConfig.users.users."ann.example".shell;
                    }
                  )
                ];
                users."ann.example" =
                  { nixosConfig, inputs, ... }:
                  {
                    home.file."host".text = nixosConfig.networking.hostName + toString inputs.nixpkgs;
                  };
                users.ben = { };
              };
            }
          )
        ];
      };
    };
  holds = config: {
    "a home of one's own is kept" = config.home-manager.users.ben.home.homeDirectory == "/srv/ben";
  };
}
