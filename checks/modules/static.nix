# The packages that nix/static.nix makes are those of pkgsStatic, to the derivation, also with an overlay of the user's.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;

  programs =
    pkgs: pkgsStatic:
    lib.mapAttrs (_: program: program.drvPath or null) (
      import ../../nix/packages.nix {
        inherit pkgs pkgsStatic;
        inherit (inputs) crane;
      }
    );

  same =
    pkgs:
    let
      static = import ../../nix/static.nix pkgs;
      ours = programs pkgs static.onTop;
      nixpkgs' = programs pkgs pkgs.pkgsStatic;
    in
    lib.elem lib.trivial.release static.releases -> ours == nixpkgs' && ours.nixos-wsl-init != null;

  # One package of this machine's, and one of the programs' own platform.
  overlaid = pkgs.extend (
    _: previous: {
      zlib = previous.zlib.overrideAttrs { pname = "another-zlib"; };
      musl = previous.musl.overrideAttrs { pname = "another-musl"; };
    }
  );
in
lib'.decide "static" (
  lib'.expect (same pkgs) "static programs are those of pkgsStatic"
  ++ lib'.expect (same overlaid) "static programs are those of pkgsStatic with an overlay"
  ++ lib'.expect (
    (programs overlaid overlaid.pkgsStatic).nixos-wsl-init != (programs pkgs pkgs.pkgsStatic)
    .nixos-wsl-init
  ) "the overlay is one that changes the programs"
)
