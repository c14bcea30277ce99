# wsl.image: the file that `wsl --import` takes, and the ways to build it.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.image;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;
  inherit (pkgs.stdenv.hostPlatform) system;

  arguments = {
    inherit (cfg) fileName compressionLevel;
    inherit (pkgs.stdenv.buildPlatform) system;
    tools = config.wsl.buildPrograms.nixos-wsl-image;
    inherit (config.system.build) toplevel;
    roots = cfg.extraRoots;
    spec = config.wsl.root.spec config.system.build.toplevel;
  };
  image = overrides: import ../nix/image.nix (arguments // overrides);

  # WSL runs `mount -a` before the system is there to make its own, and complains where there is none (W§4.4). In the
  # installer always: whoever looks into it finds what the system mounts.
  fstab = {
    path = "/etc/fstab";
    type = "file";
    source = "${config.environment.etc.fstab.source}";
  };

  # The image derivation's own attributes as a file, for a builder that is run by hand.
  attributes =
    pkgs.runCommand "nixos-wsl-image.json"
      {
        __structuredAttrs = true;
        exportReferencesGraph.closure = [ config.system.build.toplevel ] ++ cfg.extraRoots;
        inherit (arguments) fileName compressionLevel spec;
        preferLocalBuild = true;
      }
      ''
        cp "$NIX_ATTRS_JSON_FILE" "''${outputs[out]}"
      '';
in
{
  options.wsl.image = {
    fileName = lib.mkOption {
      type = formed "[^/.][^/]*" "file name without a slash that does not start with a dot";
      default = "nixos-wsl-${system}.tar.gz";
      defaultText = lib.literalExpression ''"nixos-wsl-''${pkgs.stdenv.hostPlatform.system}.tar.gz"'';
      example = "nixos.wsl";
      description = ''
        Name of the image file, below {file}`result/tarball`. Windows opens a file whose name ends in `.wsl` with a
        double click; the content is the same.
      '';
    };

    compressionLevel = lib.mkOption {
      type = types.nullOr (types.ints.between 1 12);
      default = null;
      example = 9;
      description = ''
        How hard to compress, from 1 (fast) to 12 (small). `null` leaves it to the writer, which takes the level that is
        as small as `pigz` and fastest.
      '';
    };

    extraRoots = lib.mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
      example = lib.literalExpression "[ pkgs.hello ]";
      description = ''
        Store paths to bring along with all they refer to, beside the system's own. Nothing in the distribution keeps
        them when its store is cleaned up.
      '';
    };
  };

  config = {
    # nixos-rebuild build-image --image-variant wsl
    image.modules.wsl =
      { config, modulesPath, ... }:
      {
        imports = [ (modulesPath + "/image/file-options.nix") ];
        wsl.enable = true;
        image.extension = "tar.gz";
        image.filePath = "tarball/${config.wsl.image.fileName}";
        system.build.image = config.system.build.tarball;
      };

    wsl.root.extraEntries = lib.mkIf (config.wsl.enable && config.wsl.wslConf.automount.mountFsTab) [
      fstab
    ];

    system.build = lib.mkIf config.wsl.enable {
      tarball = image { };
      wsl = config.system.build.tarball;

      installer = image {
        name = "nixos-wsl-installer";
        fileName = "nixos-wsl-installer.tar.gz";
        command = "installer";
        installProgram = lib.getExe config.wsl.programs.nixos-wsl-install;
        spec = arguments.spec // {
          entries = arguments.spec.entries ++ [ fstab ];
        };
      };

      vhdx = image {
        name = "nixos-wsl-vhdx";
        fileName = "nixos-wsl-${system}.vhdx";
        command = "vhdx";
        mke2fs = lib.getExe' pkgs.buildPackages.e2fsprogs "mke2fs";
      };

      tarballBuilder =
        pkgs.runCommand "nixos-wsl-tarball-builder"
          {
            nativeBuildInputs = [ pkgs.makeBinaryWrapper ];
            meta.mainProgram = "nixos-wsl-tarball-builder";
          }
          ''
            makeWrapper ${lib.getExe config.wsl.buildPrograms.nixos-wsl-image} $out/bin/nixos-wsl-tarball-builder \
              --add-flags "tarball --attrs ${attributes}" \
              --set-default NIXOS_WSL_IMAGE nixos.wsl
          '';
    };
  };
}
