# The project's programs. Those that run inside the distribution are static and built without default features, so that
# they start with no store, no interpreter and no name service; the others are ordinary programs.
{
  pkgs,
  crane ? (import ./pins.nix).crane,
}:

let
  inherit (pkgs) lib;

  craneLib = import crane { inherit pkgs; };
  craneLibStatic = import crane { pkgs = pkgs.pkgsStatic; };

  # Tests and texts are left out: changing them must not rebuild a program.
  common = {
    inherit (craneLib.crateNameFromCargoToml { cargoToml = ../Cargo.toml; }) version;
    src = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../Cargo.lock
        ../Cargo.toml
        ../src
      ];
    };
    strictDeps = true;
    doCheck = false;
  };

  program =
    {
      crane,
      name,
      features,
      description,
      profile ? "release",
    }:
    let
      arguments = common // {
        pname = name;
        CARGO_PROFILE = profile;
        cargoExtraArgs = lib.concatStringsSep " " (
          [
            "--locked"
            "--no-default-features"
          ]
          ++ lib.optional (features != [ ]) "--features ${lib.concatStringsSep "," features}"
        );
      };
    in
    crane.buildPackage (
      arguments
      // {
        # One build of the dependencies serves every program with the same features.
        cargoArtifacts = crane.buildDepsOnly (arguments // { pname = "nixos-wsl"; });
        cargoExtraArgs = "${arguments.cargoExtraArgs} --bin ${name}";
        meta = {
          inherit description;
          license = lib.licenses.asl20;
          mainProgram = name;
          platforms = lib.platforms.linux;
        };
      }
    );

  static = name: staticWith name [ ];
  staticWith =
    name: features: description:
    program {
      crane = craneLibStatic;
      inherit name features description;
      # Programs that are in the root several times; the installer's decompression wants speed.
      profile = if features == [ ] then "small" else "release";
    };
  dynamic =
    name: features: description:
    program {
      crane = craneLib;
      inherit name features description;
    };

  programs = {
    nixos-wsl-image = dynamic "nixos-wsl-image" [
      "image"
    ] "Writer of WSL images, the image derivation's builder";
    wsl-sim = dynamic "wsl-sim" [ "sim" ] "Simulated WSL that runs distributions on Linux";

    nixos-wsl-init = static "nixos-wsl-init" "Systemd shim: /sbin/init of the distribution";
    nixos-wsl-shell = static "nixos-wsl-shell" "Login shell and /bin/sh wrapper that sets the NixOS environment";
    nixos-wsl-enter = static "nixos-wsl-enter" "Starts or joins the systemd namespace";
    nixos-wsl-install = staticWith "nixos-wsl-install" [
      "install"
    ] "Installs the system over the installer distribution";
    nixos-wsl = static "nixos-wsl" "Command line tool: status, generations, boot, recover, doctor";
  };
in
programs // { default = programs.nixos-wsl-image; }
