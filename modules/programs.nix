# The project's own programs and the sources they are built from.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  pins = import ../nix/pins.nix;

  # A path of the store by its name, where builtins.storePath may not look.
  inStore =
    path:
    let
      name = toString path;
    in
    if lib.isStorePath name then builtins.appendContext name { ${name}.path = true; } else path;

  defaultSources = {
    inherit (pins) crane;
    # A nixpkgs that is in the store already stays where it is.
    nixpkgs.outPath = inStore pkgs.path;
    self.outPath = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../Cargo.lock
        ../Cargo.toml
        ../assets
        ../default.nix
        ../docs
        ../flake.lock
        ../flake.nix
        ../modules
        ../nix
        ../src
      ];
    };
  };

  packagesFor =
    pkgs:
    import ../nix/packages.nix {
      inherit pkgs;
      inherit (cfg.sources) crane;
    };
in
{
  options.wsl = {
    sources = lib.genAttrs [ "crane" "nixpkgs" "self" ] (
      name:
      lib.mkOption {
        type = lib.types.raw;
        internal = true;
        default = defaultSources.${name};
        defaultText = lib.literalMD "what flake.lock pins, and this project itself";
        description = "Source tree with what is known of it: `outPath`, `narHash`, `lastModified` and `rev`.";
      }
    );

    programs = lib.mkOption {
      type = lib.types.lazyAttrsOf lib.types.package;
      default = packagesFor pkgs;
      defaultText = lib.literalMD "this project's packages, built from the system's nixpkgs";
      internal = true;
      description = "The programs that run inside the distribution.";
    };

    buildPrograms = lib.mkOption {
      type = lib.types.lazyAttrsOf lib.types.package;
      default = packagesFor pkgs.buildPackages;
      defaultText = lib.literalMD "this project's packages for the machine that builds";
      internal = true;
      description = "The programs that build images. They run on the building machine, so that cross builds need no emulation.";
    };
  };
}
