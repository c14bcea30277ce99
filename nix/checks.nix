# Every check of the flake: the crate's by crane, the modules' by evaluation (../checks/modules).
{ pkgs, inputs }:

let
  inherit (pkgs) lib;

  craneLib = import inputs.crane { inherit pkgs; };

  sources = lib.fileset.unions [
    ../Cargo.lock
    ../Cargo.toml
    ../checks
    ../clippy.toml
    ../deny.toml
    ../nix
    ../rustfmt.toml
    ../src
    ../tests
  ];

  arguments = {
    inherit (craneLib.crateNameFromCargoToml { cargoToml = ../Cargo.toml; }) pname version;
    src = lib.fileset.toSource {
      root = ../.;
      fileset = sources;
    };
    # Fetched and laid out once for all of them.
    cargoVendorDir = craneLib.vendorCargoDeps { cargoLock = ../Cargo.lock; };
    strictDeps = true;
  };

  # The example's image, for the machine that checks.
  image =
    inputs.self.nixosConfigurations.${
      if pkgs.stdenv.hostPlatform.isAarch64 then "mysystem-aarch64" else "mysystem"
    }.config.system.build.tarball;

  tools = import ./packages.nix {
    inherit pkgs;
    inherit (inputs) crane;
  };

  documented = import ./documented.nix {
    inherit pkgs;
    programs = tools;
  };

  # Shared by clippy, nextest and doc, which otherwise would each build every dependency.
  withDependencies = arguments // {
    cargoArtifacts = craneLib.buildDepsOnly arguments;
  };
in
{
  clippy = craneLib.cargoClippy (
    withDependencies // { cargoClippyExtraArgs = "--all-targets -- --deny warnings"; }
  );

  doc = craneLib.cargoDoc (withDependencies // { env.RUSTDOCFLAGS = "--deny warnings"; });

  fmt = craneLib.cargoFmt { inherit (arguments) pname version src; };

  # By Microsoft's rules for distributions, and by what WSL stumbles over.
  image =
    pkgs.runCommand "nixos-wsl-image-validated" { nativeBuildInputs = [ tools.nixos-wsl-image ]; }
      ''
        nixos-wsl-image validate ${image}/tarball/${image.fileName} | tee "$out"
      '';

  # Each package that people install has its manual and its completions.
  manuals = pkgs.runCommand "nixos-wsl-manuals-installed" { } (
    lib.concatMapStrings (name: ''
      test -x ${documented.${name}}/bin/${name}
      test -e ${documented.${name}}/share/man/man1/${name}.1
      test -e ${documented.${name}}/share/bash-completion/completions/${name}
      test -e ${documented.${name}}/share/zsh/site-functions/_${name}
      test -e ${documented.${name}}/share/fish/vendor_completions.d/${name}.fish
    '') (lib.attrNames (removeAttrs documented [ "default" ]))
    + "touch $out\n"
  );

  deny = craneLib.cargoDeny { inherit (arguments) pname version src; };

  nextest = craneLib.cargoNextest (
    withDependencies
    // {
      # The tests hold the documentation to the code.
      src = lib.fileset.toSource {
        root = ../.;
        fileset = lib.fileset.unions [
          sources
          ../CHANGELOG.md
          ../CONTRIBUTING.md
          ../README.md
          ../SECURITY.md
          ../assets
          ../docs
          ../modules
          ../templates
        ];
      };
      cargoNextestExtraArgs = "--no-tests=fail";
      nativeBuildInputs = [
        pkgs.fish
        pkgs.gnutar
        pkgs.libarchive
        pkgs.mandoc
        pkgs.mdbook
        pkgs.nix
        pkgs.python3
        pkgs.sqlite
        pkgs.xz
        pkgs.zsh
        pkgs.zstd
      ];
    }
  );
}
// (import ../checks/modules { inherit pkgs inputs; }).checks
