# wsl.image: the file that `wsl --import` takes.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.image;
  inherit (pkgs.stdenv.hostPlatform) system;

  image =
    arguments:
    import ../nix/image.nix (
      {
        inherit (pkgs.stdenv.buildPlatform) system;
        tools = config.wsl.buildPrograms.nixos-wsl-image;
        inherit (config.system.build) toplevel;
        spec = config.wsl.root.spec config.system.build.toplevel;
      }
      // arguments
    );
in
{
  options.wsl.image.fileName = lib.mkOption {
    type = lib.types.str;
    default = "nixos-wsl-${system}.tar.gz";
    defaultText = lib.literalExpression ''"nixos-wsl-''${pkgs.stdenv.hostPlatform.system}.tar.gz"'';
    example = "nixos.wsl";
    description = "Name of the image file.";
  };

  config = lib.mkIf config.wsl.enable {
    system.build = {
      tarball = image { inherit (cfg) fileName; };
      wsl = config.system.build.tarball;
      installer = image {
        name = "nixos-wsl-installer";
        fileName = "nixos-wsl-installer.tar.gz";
        command = "installer";
      };
    };
  };
}
