# Configurations of our own writing, as people publish them, one a file, which checks/modules/run evaluates each to its
# system and its image. A file is one of
#
# - a module;
# - a set with `module` and what else is known of it: `warnings`, pieces of the warnings that it gets, each of exactly one,
#   and `holds`, a function from its configuration to sentences and whether they are true;
# - a set with `outputs` in place of `module`: a whole flake's, with all its systems. What it takes from other flakes is in
#   inputs/, small modules with the options and the ways of the real ones.
{ pkgs, inputs }:

let
  inherit (pkgs) lib;

  # Packages are shared between the systems but for those that configure nixpkgs. NixOS's manual is a quarter of an evaluation.
  shared =
    { options, ... }:
    {
      nixpkgs.pkgs = lib.mkIf (options.nixpkgs.config.definitions == [ ]) (lib.mkDefault pkgs);
      documentation.enable = lib.mkDefault false;
      documentation.nixos.enable = lib.mkDefault false;
      system.stateVersion = lib.mkDefault "26.05";
    };
  nixpkgs = inputs.nixpkgs // {
    lib = inputs.nixpkgs.lib.extend (
      _: previous: {
        nixosSystem =
          arguments: previous.nixosSystem (arguments // { modules = arguments.modules ++ [ shared ]; });
      }
    );
  };
  ours = import ./inputs { inherit nixpkgs; } // {
    inherit nixpkgs;
    nixos-wsl = inputs.self;
  };

  read =
    name:
    let
      content = import (./. + "/${name}.nix");
    in
    {
      warnings = [ ];
      holds = _config: { };
      outputs =
        { nixpkgs, nixos-wsl, ... }:
        {
          nixosConfigurations.machine = nixpkgs.lib.nixosSystem {
            system = pkgs.stdenv.hostPlatform.system;
            modules = [
              nixos-wsl.nixosModules.default
              { wsl.enable = true; }
              content.module or content
            ];
          };
        };
    }
    // lib.optionalAttrs (content ? module || content ? outputs) content;

  # The configurations of a flake's systems on WSL, of which there is one at least. Its outputs take the flake itself too.
  evaluate =
    inputs: name:
    let
      self = (read name).outputs (inputs // { self = outputs; });
      outputs = self // {
        outPath = ./.;
        inherit inputs;
      };
      found = lib.filter (config: config ? wsl) (
        map (system: system.config) (lib.attrValues self.nixosConfigurations)
      );
    in
    lib.throwIf (found == [ ]) "configuration ${name}: no system on WSL" found;

  # What is wrong with a configuration whoever's module it is evaluated with.
  failures =
    config:
    map (assertion: assertion.message) (lib.filter (assertion: !assertion.assertion) config.assertions)
    ++ lib.optional (
      !lib.all (derivation: lib.isString derivation.drvPath) [
        config.system.build.toplevel
        (config.system.build.tarball or config.system.build.tarballBuilder)
      ]
    ) "no system or image";
  # What it is to be with ours.
  surprises =
    name: config:
    let
      inherit (read name) warnings holds;
      found = config.warnings;
    in
    map (piece: "not one warning says ‘${piece}’") (
      lib.filter (piece: lib.count (lib.hasInfix piece) found != 1) warnings
    )
    ++ lib.optional (
      lib.length found != lib.length warnings
    ) "warnings: ${lib.concatStringsSep "\n    " found}"
    ++ lib.attrNames (lib.filterAttrs (_: is: !is) (holds config));

  decide =
    other: name:
    let
      found = lib.concatMap (
        config: failures config ++ lib.optionals (other == { }) (surprises name config)
      ) (evaluate (ours // other) name);
    in
    builtins.addErrorContext "while evaluating the configuration ${name}" (
      if found == [ ] then
        name
      else
        throw "configuration ${name}:\n${lib.concatMapStrings (sentence: "  - ${sentence}\n") found}"
    );
in
{
  names = map (lib.removeSuffix ".nix") (
    lib.remove "default.nix" (
      lib.attrNames (lib.filterAttrs (_: type: type == "regular") (builtins.readDir ./.))
    )
  );

  # The name of a configuration that is as it should be; an error that lists everything otherwise. A function, so that what
  # one has evaluated is free when the next begins.
  decide = decide { };

  # The same with other inputs than this repository's, from trees of them.
  decideWith = decide;
  real = import ./inputs/real.nix { inherit nixpkgs; };
}
