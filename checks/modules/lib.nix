# What the evaluation checks share. Each is decided by evaluating it: `nix flake check --no-build` is enough to run them.
{ pkgs, inputs }:

let
  inherit (pkgs) lib;
in
rec {
  # A system with the module imported and nothing else set.
  bare =
    modules:
    inputs.nixpkgs.lib.nixosSystem {
      modules = [
        {
          # The same package set for all of them, which takes most of the time.
          nixpkgs.pkgs = pkgs;
          system.stateVersion = "26.05";
        }
      ]
      ++ modules;
    };
  imported = modules: bare ([ inputs.self.nixosModules.default ] ++ modules);
  wsl = modules: imported ([ { wsl.enable = true; } ] ++ modules);

  # The entries of a system's image, by path; of several at one path the last counts, as in the writer.
  entriesOf =
    system:
    lib.listToAttrs (
      map (entry: lib.nameValuePair entry.path entry) (
        lib.reverseList system.config.system.build.tarball.spec.entries
      )
    );

  failedAssertions =
    system: map (a: a.message) (lib.filter (a: !a.assertion) system.config.assertions);

  # Sentences that do not hold; `expect condition sentence` makes one.
  expect = condition: sentence: lib.optional (!condition) sentence;

  # A derivation if nothing failed, an error that lists everything otherwise.
  decide =
    name: failures:
    if failures == [ ] then
      pkgs.runCommand "check-${name}" { preferLocalBuild = true; } "touch $out"
    else
      throw "check ${name} failed:\n${lib.concatMapStrings (failure: "  - ${failure}\n") failures}";
}
