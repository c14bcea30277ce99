# The flake's outputs without flakes: nix-build -A nixosConfigurations.mysystem.config.system.build.tarball
#
# Everything comes from the sources that flake.lock pins. `--arg nixpkgs PATH` takes another nixpkgs.
{
  nixpkgs ? null,
}:

let
  pins = import ./nix/pins.nix;
  pinned = (import pins.flake-compat { src = ./.; }).outputs;

  evaluate =
    source: inputs:
    let
      outputs = (import (source + "/flake.nix")).outputs (inputs // { inherit self; });
      self = outputs // {
        inherit inputs outputs;
        outPath = source;
        sourceInfo.outPath = source;
      };
    in
    self;
in
if nixpkgs == null then
  pinned
else
  evaluate ./. {
    nixpkgs = evaluate nixpkgs { };
    crane = pins.crane // {
      sourceInfo = pins.crane;
    };
  }
