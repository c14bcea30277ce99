# The module out of an archive that `fetchTarball` unpacked, with a `let` in front as its own page shows it.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          (
            { lib, pkgs, ... }:
            with lib;
            let
              source = nixos-wsl.outPath;
            in
            {
              imports = [ "${source}/modules" ];
              wsl = {
                enable = mkForce true;
                wslConf.automount.root = mkForce "/mnt";
                defaultUser = "nixos";
                startMenuLaunchers = true;
              };
              environment.systemPackages = with pkgs; [
                wget
                git
              ];
            }
          )
        ];
      };
    };
}
