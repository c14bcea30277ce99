# The evaluation checks, by name: `checks`, which `nix flake check --no-build` decides, and `evaluations`, which take as
# long again, so that checks/modules/run decides them, as it does `configurations`.
{ pkgs, inputs }:

let
  arguments = {
    inherit pkgs inputs;
    lib' = import ./lib.nix { inherit pkgs inputs; };
  };
  check = file: import file arguments;
in
{
  checks = {
    modules-closure = check ./closure.nix;
    modules-closure-paths = check ./closure-paths.nix;
    modules-contract = check ./contract.nix;
    modules-docs = check ./docs.nix;
    modules-first-shell = check ./first-shell.nix;
    modules-image = check ./image.nix;
    modules-namespace = check ./namespace.nix;
    modules-static = check ./static.nix;
    modules-systems = check ./systems.nix;
    modules-texts = check ./texts.nix;
    modules-upstream = check ./upstream.nix;
    modules-users = check ./users.nix;
    modules-values = check ./values.nix;
  };

  # Functions, for checks/modules/configurations.py.
  configurations = import ./configurations { inherit pkgs inputs; };

  evaluations = {
    modules-agents = check ./agents.nix;
    modules-docs-blocks = check ./docs-blocks.nix;
    modules-examples = check ./examples.nix;
    modules-images = check ./images.nix;
    modules-imports = check ./imports.nix;
    modules-ineffective = check ./ineffective.nix;
    modules-matrix = check ./matrix.nix;
    modules-moved = check ./moved.nix;
    modules-refusals = check ./refusals.nix;
    modules-side-effects = check ./side-effects.nix;
  };
}
