# home-manager in the system, with what it reads of the user.
{
  outputs =
    {
      nixpkgs,
      nixos-wsl,
      home-manager,
      ...
    }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.default
          home-manager.nixosModules.home-manager
          (
            { pkgs, ... }:
            {
              wsl.enable = true;
              programs.zsh.enable = true;
              users.users.nixos.shell = pkgs.zsh;
              home-manager = {
                useGlobalPkgs = true;
                useUserPackages = true;
                backupFileExtension = "backup";
                users.nixos =
                  { config, pkgs, ... }:
                  {
                    home.stateVersion = "25.11";
                    home.packages = [
                      pkgs.ripgrep
                      pkgs.fd
                    ];
                    home.sessionVariables.EDITOR = "nvim";
                    home.file.".hushlogin".text = "";
                    home.file."where".text = config.home.homeDirectory;
                    programs.git.enable = true;
                    programs.zsh.enable = true;
                  };
              };
            }
          )
        ];
      };
    };
  holds = config: {
    "home-manager has the user's home and number" =
      let
        inherit (config.home-manager.users.nixos) home;
      in
      home.homeDirectory == "/home/nixos" && home.uid == 1000;
    "its service runs as the user" =
      config.systemd.services.home-manager-nixos.serviceConfig.User == "nixos";
  };
}
