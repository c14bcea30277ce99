# Configurations of our own writing, as people publish them, one a file: a module, or `module` with pieces of the warnings that it gets, each of
# exactly one. checks/modules/run evaluates each to its system and its image.
{ pkgs, lib' }:

let
  inherit (pkgs) lib;

  names = map (lib.removeSuffix ".nix") (
    lib.remove "default.nix" (lib.attrNames (builtins.readDir ./.))
  );
  read =
    name:
    let
      content = import (./. + "/${name}.nix");
    in
    if content ? module then
      content
    else
      {
        module = content;
        warnings = [ ];
      };

  decide =
    name:
    let
      inherit (read name) module warnings;
      system = lib'.wsl [ module ];
      found = system.config.warnings;
      build = system.config.system.build;
    in
    lib'.decide "configuration ${name}" (
      lib'.failedAssertions system
      ++ lib.concatMap (
        piece: lib'.expect (lib.count (lib.hasInfix piece) found == 1) "not one warning says ‘${piece}’"
      ) warnings
      ++ lib'.expect (lib.length found == lib.length warnings) "warnings: ${lib.concatStrings found}"
      ++ lib'.expect (
        lib.isString build.toplevel.drvPath && lib.isString build.tarball.drvPath
      ) "no system or image"
    );
in
lib.genAttrs names decide
