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

  # One build of the dependencies and of the library for every program with the same of these.
  argumentsOf =
    { profile, features, ... }:
    common
    // {
      CARGO_PROFILE = profile;
      cargoExtraArgs = "--locked --no-default-features --features=${lib.concatStringsSep "," features}";
    };
  builderOf = { static, ... }: if static then craneLibStatic else craneLib;
  kindOf =
    program:
    builtins.toJSON {
      inherit (program) profile static features;
    };
  dependencies = lib.mapAttrs (
    _: programs:
    let
      kind = lib.head programs;
    in
    (builderOf kind).buildDepsOnly (argumentsOf kind // { pname = "nixos-wsl"; })
  ) (lib.groupBy kindOf (lib.attrValues (lib.importJSON ./programs.json)));

  program =
    name: kind:
    let
      arguments = argumentsOf kind;
    in
    (builderOf kind).buildPackage (
      arguments
      // {
        pname = name;
        cargoArtifacts = dependencies.${kindOf kind};
        cargoExtraArgs = "${arguments.cargoExtraArgs} --bin ${name}";
        meta = {
          inherit (kind) description;
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
