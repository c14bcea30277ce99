# VS Code's server, mended by a service or by nix-ld.
{
  outputs =
    {
      nixpkgs,
      nixos-wsl,
      vscode-server,
      ...
    }:
    {
      nixosConfigurations.nixos = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          nixos-wsl.nixosModules.default
          vscode-server.nixosModules.default
          (
            { config, pkgs, ... }:
            {
              wsl.enable = true;
              services.vscode-server.enable = true;
              programs.nix-ld = {
                enable = true;
                libraries =
                  with pkgs;
                  [
                    stdenv.cc.cc
                    zlib
                    openssl
                  ]
                  ++ config.hardware.graphics.extraPackages;
              };
              environment.systemPackages = [
                pkgs.wget
                pkgs.nixd
              ];
              wsl.extraBin = [
                { src = "${pkgs.coreutils}/bin/dirname"; }
                { src = "${pkgs.coreutils}/bin/readlink"; }
                { src = "${pkgs.coreutils}/bin/uname"; }
              ];
              # The editor's own hook, on shells that it starts.
              environment.etc."vscode-server/server-env-setup".text = "PATH=$PATH:/run/current-system/sw/bin";
            }
          )
        ];
      };
    };
}
