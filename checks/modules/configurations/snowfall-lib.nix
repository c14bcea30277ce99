# A library that extends nixpkgs' own, as snowfall-lib does: options and switches by helpers, an archetype that turns on
# suites, and every module imported into every host.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    let
      lib = nixpkgs.lib.extend (
        final: _previous: {
          acme = {
            mkOpt =
              type: default: description:
              final.mkOption { inherit type default description; };
            enabled.enable = true;
            disabled.enable = false;
          };
        }
      );
      suite =
        name: settings:
        { config, ... }:
        {
          options.acme.suites.${name}.enable = lib.mkEnableOption name;
          config = lib.mkIf config.acme.suites.${name}.enable settings;
        };
    in
    {
      nixosConfigurations.work = lib.nixosSystem {
        system = "x86_64-linux";
        specialArgs = { inherit lib; };
        modules = [
          nixos-wsl.nixosModules.wsl
          (suite "common" {
            programs.zsh.enable = true;
            acme.user.shell = "zsh";
          })
          (suite "development" { acme.tools.direnv = lib.acme.enabled; })
          (
            { config, pkgs, ... }:
            {
              options.acme.user = {
                name = lib.acme.mkOpt lib.types.str "short" "The user";
                shell = lib.acme.mkOpt (lib.types.enum [
                  "zsh"
                  "fish"
                ]) "fish" "The user's shell";
                extraOptions = lib.acme.mkOpt lib.types.attrs { } "More of users.users";
              };
              config.users.users.${config.acme.user.name} = {
                isNormalUser = true;
                home = "/home/${config.acme.user.name}";
                group = "users";
                shell = pkgs.${config.acme.user.shell};
                uid = 1000;
              }
              // config.acme.user.extraOptions;
            }
          )
          (
            { config, ... }:
            {
              options.acme.tools.direnv.enable = lib.mkEnableOption "direnv";
              config.programs.direnv = lib.mkIf config.acme.tools.direnv.enable lib.acme.enabled;
            }
          )
          (
            { config, ... }:
            {
              options.acme.archetypes.wsl.enable = lib.mkEnableOption "WSL";
              config = lib.mkIf config.acme.archetypes.wsl.enable {
                wsl.enable = true;
                wsl.defaultUser = config.acme.user.name;
                acme.suites.common = lib.acme.enabled;
                acme.suites.development = lib.acme.enabled;
                networking.networkmanager = lib.mkForce lib.acme.disabled;
              };
            }
          )
          { acme.archetypes.wsl = lib.acme.enabled; }
        ];
      };
    };
}
