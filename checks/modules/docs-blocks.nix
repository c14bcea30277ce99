# The blocks of Nix in docs/: what a page tells to write into a configuration makes a system, all of a page at once. Marks
# behind the fence: `alone` evaluates a block by itself, `flake` is of a flake.nix and only has to parse (tests/docs does).
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  pages = lib.filterAttrs (
    name: type: type == "regular" && lib.hasSuffix ".md" name && name != "options.md"
  ) (builtins.readDir ../../docs);

  # Every second part of a page is a block, fence's words first. Blocks in lists are set in.
  blocksOf =
    page:
    let
      lines = lib.splitString "\n" (builtins.readFile (../../docs + "/${page}"));
      fence = line: lib.hasPrefix "```" (lib.trimWith { start = true; } line);
      step =
        state: line:
        if fence line then
          {
            inside = !state.inside;
            blocks =
              if state.inside then
                state.blocks
              else
                state.blocks
                ++ [
                  {
                    words = lib.splitString " " (lib.removePrefix "```" (lib.trimWith { start = true; } line));
                    lines = [ ];
                  }
                ];
          }
        else if state.inside then
          state
          // {
            blocks = lib.init state.blocks ++ [
              (lib.last state.blocks // { lines = (lib.last state.blocks).lines ++ [ line ]; })
            ];
          }
        else
          state;
      found = lib.foldl' step {
        inside = false;
        blocks = [ ];
      } lines;
    in
    lib.filter (block: lib.head block.words == "nix" && !lib.elem "flake" block.words) found.blocks;

  module =
    name: block:
    import (
      builtins.toFile name ''
        { config, lib, pkgs, ... }:
        {
        ${lib'.withReadersFiles (lib.concatStringsSep "\n" block.lines)}
        }
      ''
    );

  systemsOf =
    page:
    let
      blocks = blocksOf page;
      alone = lib.partition (block: lib.elem "alone" block.words) blocks;
      modules = map (module page);
    in
    lib.optional (alone.wrong != [ ]) (modules alone.wrong)
    ++ map (block: modules [ block ]) alone.right;

  decided =
    page: modules:
    let
      system = lib'.wsl modules;
      failed = lib'.failedAssertions system;
    in
    if failed == [ ] then
      # The whole system, down to its derivation.
      lib.seq system.config.system.build.toplevel.drvPath [ ]
    else
      map (message: "docs/${page}: ${message}") failed;

  perPage = lib.mapAttrs (page: _: systemsOf page) pages;
  lie =
    (lib'.wsl [ (module "lie" { lines = [ "wsl.defaultUsr = \"alice\";" ]; }) ]).config.wsl.defaultUser;
in
lib'.decide "docs-blocks" (
  lib.concatLists (lib.mapAttrsToList (page: systems: lib.concatMap (decided page) systems) perPage)
  ++ lib'.expect (
    lib.length (lib.concatLists (lib.attrValues perPage)) >= 4
  ) "fewer systems than the pages have"
  ++ lib'.expect (!(builtins.tryEval (lib.deepSeq lie lie)).success) "an option that is none is taken"
)
