# The packages of pkgsStatic, made on top of `pkgs`. nixpkgs makes them from nothing: it evaluates a second native package set
# with all its bootstrap stages first. The derivations are the same (checks/modules/static.nix).
pkgs:
let
  inherit (pkgs) lib stdenv;

  stagesOf = import (pkgs.path + "/pkgs/stdenv");

  # The last two: the tools for the other platform, and its packages (nixpkgs: pkgs/stdenv/cross). They compare systems, so
  # that this one's has to be the very set that `pkgs` has.
  crossStages =
    arguments:
    let
      stages = stagesOf (
        arguments
        // {
          inherit (pkgs) config;
          localSystem = stdenv.buildPlatform;
        }
      );
    in
    lib.sublist (lib.length stages - 2) 2 stages;
in
rec {
  # How nixpkgs makes its stages is its own affair, and may change: these are the releases for which it was seen.
  releases = [ "26.11" ];

  onTop = import (pkgs.path + "/pkgs/top-level") {
    localSystem = stdenv.buildPlatform;
    crossSystem = {
      isStatic = true;
      config = lib.systems.parse.tripleFromSystem (
        lib.systems.parse.mkMuslSystem stdenv.hostPlatform.parsed
      );
      gcc = stdenv.hostPlatform.gcc or { };
    };
    inherit (pkgs) overlays;
    # A package may ask for a set of yet another platform in the same way.
    stdenvStages =
      arguments:
      if arguments.crossSystem.isStatic then
        [ (_: pkgs // { __raw = true; }) ] ++ crossStages arguments
      else
        stagesOf arguments;
  };

  packages =
    if
      lib.elem lib.trivial.release releases
      && stdenv.buildPlatform == stdenv.hostPlatform
      && (pkgs.config.replaceStdenv or null) == null
    then
      onTop
    else
      pkgs.pkgsStatic;
}
