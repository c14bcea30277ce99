# flake-parts, with the systems in a module of its own, and packages of the flake's in the system.
{
  outputs =
    { flake-parts, ... }@inputs:
    flake-parts.lib.mkFlake { inherit inputs; } {
      systems = [ "x86_64-linux" ];
      imports = [
        (
          { inputs, withSystem, ... }:
          {
            flake.nixosModules.common = {
              time.timeZone = "Europe/Zurich";
              programs.git.enable = true;
            };
            flake.nixosConfigurations.wsl = withSystem "x86_64-linux" (
              { config, system, ... }:
              inputs.nixpkgs.lib.nixosSystem {
                inherit system;
                specialArgs = {
                  inherit inputs;
                  inherit (config) packages;
                };
                modules = [
                  inputs.nixos-wsl.nixosModules.default
                  inputs.self.nixosModules.common
                  (
                    { packages, ... }:
                    {
                      wsl.enable = true;
                      environment.systemPackages = [ packages.hi ];
                    }
                  )
                ];
              }
            );
          }
        )
      ];
      perSystem =
        { pkgs, ... }:
        {
          packages.hi = pkgs.writeShellScriptBin "hi" "echo hi";
        };
    };
}
