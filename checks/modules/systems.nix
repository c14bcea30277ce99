# The image for this machine evaluates, the one for the other has its name and is evaluated there (and by
# checks/modules/run).
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;
  inherit (inputs.self.nixosConfigurations) mysystem mysystem-aarch64;
  tarball = system: system.config.system.build.tarball;
in
lib'.decide "systems" (
  lib'.expect (
    (tarball mysystem).fileName == "nixos-wsl-x86_64-linux.tar.gz"
  ) "the file for x86_64 has its name"
  ++ lib'.expect (
    (tarball mysystem-aarch64).fileName == "nixos-wsl-aarch64-linux.tar.gz"
  ) "the file for aarch64 has its name"
  ++ lib'.expect (lib.isString (tarball lib'.default).drvPath) "the image evaluates"
  ++ lib'.expect (lib.isString lib'.default.config.system.build.installer.drvPath) "the installer evaluates"
  ++ lib'.expect (lib.isString lib'.default.config.system.build.vhdx.drvPath) "the disk evaluates"
)
