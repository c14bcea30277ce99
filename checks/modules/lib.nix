# What the evaluation checks share. Each is decided by evaluating it: `nix flake check --no-build` is enough to run them.
{ pkgs, inputs }:

let
  inherit (pkgs) lib;
in
rec {
  # The system that this repository builds, for this machine. `nix flake check` evaluates it anyway.
  default =
    inputs.self.nixosConfigurations.${
      {
        x86_64-linux = "mysystem";
        aarch64-linux = "mysystem-aarch64";
      }
      .${pkgs.stdenv.hostPlatform.system}
    };

  # A system with the module imported and nothing else set.
  bare =
    modules:
    inputs.nixpkgs.lib.nixosSystem {
      modules = [
        {
          # One package set for all systems: what one of them has evaluated, the others have too.
          nixpkgs.pkgs = default.pkgs;
          system.stateVersion = "26.05";
        }
      ]
      ++ modules;
    };
  imported = modules: bare ([ inputs.self.nixosModules.default ] ++ modules);
  wsl =
    modules:
    imported (
      [
        {
          wsl.enable = true;
          # NixOS's manual is a quarter of a system's evaluation; mysystem has it.
          documentation.enable = false;
          documentation.nixos.enable = false;
        }
      ]
      ++ modules
    );

  # The systems that several checks look at, each evaluated once.
  systems = {
    inherit default;
  }
  // lib.mapAttrs (_: module: wsl [ module ]) (import ./cases.nix { inherit pkgs; });

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

  # A text of Nix in which a file of the reader's is one of ours.
  withReadersFiles =
    text:
    let
      ours = path: toString (if path == "./." then ../../templates/default else ../../README.md);
      part = part: if lib.isList part then lib.head part + ours (lib.last part) else part;
    in
    lib.concatMapStrings part (builtins.split "([ ({])([.]/[A-Za-z0-9._-]+)" text);

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
