# The project's programs, as programs.json has them. The static ones start with no store, no interpreter and no name
# service; they share profile and features, so that one build of the dependencies and of the library serves all of them.
{
  pkgs,
  crane ? (import ./pins.nix).crane,
  pkgsStatic ? (import ./static.nix pkgs).packages,
}:

let
  inherit (pkgs) lib;

  craneLib = import crane { inherit pkgs; };
  craneLibStatic = import crane { pkgs = pkgsStatic; };

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
    # The crates are texts: they are fetched and laid out once, by this machine's programs, for both kinds of builder.
    cargoVendorDir = craneLib.vendorCargoDeps { cargoLock = ../Cargo.lock; };
    strictDeps = true;
    doCheck = false;
  };

  program =
    name:
    {
      profile,
      static,
      features,
      description,
    }:
    let
      builder = if static then craneLibStatic else craneLib;
      arguments = common // {
        pname = name;
        CARGO_PROFILE = profile;
        cargoExtraArgs = "--locked --no-default-features --features=${lib.concatStringsSep "," features}";
      };
    in
    builder.buildPackage (
      arguments
      // {
        # One build of the dependencies serves every program with the same features.
        cargoArtifacts = builder.buildDepsOnly (arguments // { pname = "nixos-wsl"; });
        cargoExtraArgs = "${arguments.cargoExtraArgs} --bin ${name}";
        meta = {
          inherit description;
          license = lib.licenses.asl20;
          mainProgram = name;
          platforms = lib.platforms.linux;
        };
      }
    );

  programs = lib.mapAttrs program (lib.importJSON ./programs.json);

  builders =
    if pkgs.stdenv.buildPlatform == pkgs.stdenv.hostPlatform then
      programs
    else
      import ./packages.nix {
        pkgs = pkgs.buildPackages;
        inherit crane;
      };
in
programs
// {
  default = programs.nixos-wsl-image;

  # Manual pages, and completions for bash, zsh and fish, of all command lines. This machine's program writes them.
  manuals = pkgs.runCommand "nixos-wsl-manuals" { } ''
    ${lib.getExe builders.nixos-wsl-image} manuals $out
  '';
}
