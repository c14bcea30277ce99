# The packages of pkgsStatic, made on top of `pkgs`. nixpkgs makes them from nothing: it evaluates a second native package set
# with all its bootstrap stages first. The derivations are the same (checks/modules/static.nix).
pkgs:
let
  inherit (pkgs) lib stdenv;

  # Appended to the native stages: the tools for the other platform, and its packages (nixpkgs: pkgs/stdenv/cross).
  stages =
    arguments:
    let
      all = import (pkgs.path + "/pkgs/stdenv") arguments;
    in
    if arguments.crossSystem.isStatic then
      [ (_: pkgs // { __raw = true; }) ] ++ lib.sublist (lib.length all - 2) 2 all
    else
      all;

  itself = final: _: {
    pkgsStatic = final;
    pkgsMusl = final;
  };
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
    overlays = [ itself ] ++ pkgs.overlays;
    # Elaborated and evaluated already, and the stages compare them.
    stdenvStages =
      arguments:
      stages (
        arguments
        // {
          inherit (pkgs) config;
          localSystem = stdenv.buildPlatform;
        }
      );
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
