# Images of systems that other checks look at, down to their derivations, and one that is built on another machine than its own.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;
  inherit (lib'.systems) envfs everything;
  # Built on the other machine, without emulation.
  cross = lib'.imported [
    {
      wsl.enable = true;
      nixpkgs.pkgs = lib.mkForce (
        import inputs.nixpkgs {
          localSystem = "x86_64-linux";
          crossSystem = "aarch64-linux";
        }
      );
    }
  ];
  tarball = system: system.config.system.build.tarball;
in
lib'.decide "images" (
  lib'.expect (lib.isString (tarball everything).drvPath) "every feature: no image"
  ++ lib'.expect (lib.isString (tarball envfs).drvPath) "envfs: no image"
  ++ lib'.expect (
    (tarball cross).system == "x86_64-linux"
    && (tarball cross).fileName == "nixos-wsl-aarch64-linux.tar.gz"
  ) "an image for aarch64 can be built on x86_64"
)
