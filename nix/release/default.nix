# This project's release for one kind of machine, from the systems that the flake makes.
{
  # For the release's machine.
  pkgs,
  # The flake.
  self,
  # The example's system, and the same with ./system.nix.
  plain,
  asking,
  # The folder on the web where the release will be; null where nobody knows yet.
  url ? null,
}:

let
  inherit (pkgs) lib;
  machine = pkgs.stdenv.hostPlatform.parsed.cpu.name;
  packages = self.packages.${pkgs.stdenv.hostPlatform.system};
  static = lib.filterAttrs (_: program: program.static) (lib.importJSON ../programs.json);
  archive =
    system: "${system.config.system.build.tarball}/tarball/${system.config.wsl.image.fileName}";
  inherit (plain.config.system.build) installer vhdx;
in
import ./folder.nix {
  inherit url;
  tools = self.packages.${pkgs.stdenv.buildPlatform.system}.nixos-wsl-image;
  inherit (pkgs.stdenv.buildPlatform) system;
  inherit machine;
  version = plain.config.wsl.version.release;
  images = [
    {
      name = "nixos-wsl-${machine}.wsl";
      path = archive asking;
    }
    {
      name = "nixos-wsl-${machine}.tar.gz";
      path = archive plain;
    }
    {
      name = "nixos-wsl-installer-${machine}.tar.gz";
      path = "${installer}/tarball/${installer.fileName}";
    }
    {
      name = "nixos-wsl-${machine}.vhdx.zst";
      path = "${vhdx}/disk/${vhdx.fileName}";
      compress = true;
    }
  ];
  programs = lib.mapAttrsToList (name: _: "${packages.${name}}/bin/${name}") static;
  toplevels = map (system: system.config.system.build.toplevel) [
    plain
    asking
  ];
  lock = "${../../flake.lock}";
  changelog = "${../../CHANGELOG.md}";
  revision = self.rev or null;
}
