# The image for this machine evaluates, the one for the other has its name and is evaluated there (and by
# checks/modules/run), and one can be built for the other's machine.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;
  inherit (inputs.self.nixosConfigurations) mysystem mysystem-aarch64;
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
lib'.decide "systems" (
  lib'.expect (
    (tarball mysystem).fileName == "nixos-wsl-x86_64-linux.tar.gz"
  ) "the file for x86_64 has its name"
  ++ lib'.expect (
    (tarball mysystem-aarch64).fileName == "nixos-wsl-aarch64-linux.tar.gz"
  ) "the file for aarch64 has its name"
  ++ lib'.expect (
    (tarball cross).system == "x86_64-linux"
    && (tarball cross).fileName == "nixos-wsl-aarch64-linux.tar.gz"
  ) "an image for aarch64 can be built on x86_64"
  ++ lib'.expect (lib.isString (tarball lib'.default).drvPath) "the image evaluates"
  ++ lib'.expect (lib.isString lib'.default.config.system.build.installer.drvPath) "the installer evaluates"
)
