# A laptop, a server and WSL from one function, with roles. Modules of one host name options of another's.
{
  outputs =
    { nixpkgs, nixos-wsl, ... }@inputs:
    let
      inherit (nixpkgs) lib;
      host =
        name: modules:
        lib.nixosSystem {
          specialArgs = { inherit inputs; };
          modules = [
            {
              networking.hostName = lib.mkDefault name;
              nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
            }
            role
          ]
          ++ modules;
        };
      role =
        {
          config,
          lib,
          options,
          ...
        }:
        {
          options.role.desktop = lib.mkEnableOption "a desktop";
          config = lib.mkMerge [
            {
              # Where there is WSL, it has the last word.
              boot.loader.grub.enable = lib.mkDefault (!(options ? wsl));
              services.openssh.enable = true;
              services.openssh.openFirewall = lib.mkDefault false;
              nix.gc.automatic = true;
            }
            (lib.mkIf config.role.desktop { services.xserver.enable = true; })
          ];
        };
    in
    {
      nixosConfigurations = {
        aaa-wsl = host "aaa-wsl" [
          nixos-wsl.nixosModules.default
          { wsl.enable = true; }
        ];
        laptop = host "laptop" [ { role.desktop = true; } ];
      };
    };
}
