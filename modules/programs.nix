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
  packagesFor =
    pkgs:
    import ../nix/packages.nix {
      inherit pkgs;
      inherit (cfg.sources) crane;
    };
in
{
  options.wsl = {
    sources = {
      crane = lib.mkOption {
        type = lib.types.path;
        default = pins.crane;
        defaultText = lib.literalMD "the crane that flake.lock pins";
        internal = true;
        description = "Source of crane, which builds the programs.";
      };
      nixpkgs = lib.mkOption {
        type = lib.types.path;
        default = pkgs.path;
        defaultText = lib.literalExpression "pkgs.path";
        internal = true;
        description = "Source of the nixpkgs that the image carries.";
      };
      self = lib.mkOption {
        type = lib.types.path;
        default = ../.;
        defaultText = lib.literalMD "this project";
        internal = true;
        description = "Source of this project that the image carries.";
      };
    };

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
