# The development shell: the toolchain, and the tools that the tests run against.
{ pkgs, crane }:

let
  craneLib = import crane { inherit pkgs; };
in
{
  default = craneLib.devShell {
    packages = [
      pkgs.cargo-deny
      pkgs.cargo-nextest
      pkgs.gnutar
      pkgs.libarchive
      pkgs.mdbook
      pkgs.nixfmt-rs
      pkgs.python3
      pkgs.sqlite
    ];
  };
}
