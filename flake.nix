{
  description = "NixOS on WSL: images from one derivation, a systemd shim, modules and a simulator";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    crane.url = "github:ipetkov/crane";
    flake-compat = {
      url = "github:NixOS/flake-compat";
      flake = false;
    };
  };

  outputs =
    inputs@{
      self,
      nixpkgs,
      crane,
      ...
    }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEachSystem = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      mySystem =
        system:
        nixpkgs.lib.nixosSystem {
          inherit system;
          modules = [
            self.nixosModules.default
            ./nix/mysystem.nix
          ];
        };
      asking = system: (mySystem system).extendModules { modules = [ ./nix/release/system.nix ]; };
    in
    {
      nixosModules = {
        default = import ./nix/module.nix inputs;
        wsl = self.nixosModules.default;
      };

      nixosConfigurations = {
        mysystem = mySystem "x86_64-linux";
        mysystem-aarch64 = mySystem "aarch64-linux";
        default = self.nixosConfigurations.mysystem;
      };

      packages = forEachSystem (
        pkgs:
        let
          programs = import ./nix/packages.nix { inherit pkgs crane; };
        in
        programs
        // import ./nix/documented.nix { inherit pkgs programs; }
        // {
          docs = import ./nix/docs.nix {
            inherit pkgs;
            module = self.nixosModules.default;
          };
        }
      );

      checks = forEachSystem (pkgs: import ./nix/checks.nix { inherit pkgs inputs; });

      # What takes too long for each `nix flake check`, which passes by this output.
      legacyPackages = forEachSystem (pkgs: {
        inherit (import ./checks/modules { inherit pkgs inputs; }) configurations evaluations;
        release = self.lib.release pkgs { };
        manifest = self.lib.manifest pkgs {
          url = "https://example.com/nixos-wsl"; # wherever the images will be
          systems = map asking systems;
        };
      });

      # lib.manifest pkgs { url, systems }: a list of distributions for `wsl --install NAME`, with its images.
      lib.manifest =
        pkgs:
        import ./nix/manifest.nix {
          inherit pkgs;
          tools = self.packages.${pkgs.stdenv.buildPlatform.system}.nixos-wsl-image;
        };

      # lib.release pkgs { url }: a release's folder; with the address that it will have, its list of distributions too.
      lib.release =
        pkgs:
        {
          url ? null,
        }:
        import ./nix/release {
          inherit pkgs self url;
          plain = mySystem pkgs.stdenv.hostPlatform.system;
          asking = asking pkgs.stdenv.hostPlatform.system;
        };

      templates = import ./nix/templates.nix;

      devShells = forEachSystem (pkgs: import ./nix/shells.nix { inherit pkgs crane; });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree.override { nixfmtPackage = pkgs.nixfmt-rs; });

      overlays.default = final: _prev: {
        nixos-wsl = import ./nix/packages.nix {
          pkgs = final;
          inherit crane;
        };
      };
    };
}
