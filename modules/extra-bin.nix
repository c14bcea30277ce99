# wsl.extraBin: programs of the user's in /bin and /usr/bin, and who answers for the folder where envfs is.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  # Real files of the project's (nix/root.nix), which no setting may take away.
  reserved = [
    "login"
    "mount"
    "nixos-wsl"
    "sh"
  ];
  # What WSL makes itself, at the same place.
  isWslsOwn =
    entry:
    entry.src == "/init"
    && lib.elem entry.name [
      "wslinfo"
      "wslpath"
    ];
  entries = lib.filter (entry: !isWslsOwn entry) cfg.extraBin;
  taken = lib.filter (entry: lib.elem entry.name reserved) entries;
  free = lib.filter (entry: !lib.elem entry.name reserved) entries;

  toBin =
    entry:
    if entry.copy then
      {
        source = entry.src;
        mode = "0755";
      }
    else
      { target = entry.src; };

  # The last one counts, as it does where each is linked in turn.
  sourcesOf = lib.groupBy (entry: entry.name) (
    lib.mapAttrsToList (name: entry: {
      inherit name;
      src = entry.target;
    }) cfg.featureBin
    ++ free
  );
  different = lib.filter (sources: lib.length sources > 1) (
    lib.attrValues (
      lib.mapAttrs (_: sources: lib.unique (map (entry: { inherit (entry) name src; }) sources)) sourcesOf
    )
  );

  shims = pkgs.runCommand "nixos-wsl-shims" { } ''
    for name in login mount sh; do
      install -D ${lib.getExe cfg.programs.nixos-wsl-sh} $out/bin/$name
    done
  '';

  fallback = pkgs.linkFarm "nixos-wsl-bin" (
    lib.mapAttrs (_: entry: entry.target or entry.source) cfg.bin
  );

  # The image and every activation read these files; what only a link names may be missing.
  copied = lib.filter (entry: entry.copy) free;
  copies = pkgs.runCommand "nixos-wsl-bin-copies" { sources = map (entry: entry.src) copied; } ''
    for source in $sources; do
      test -f "$source" || { echo "wsl.extraBin: $source is not there, so it cannot be copied"; exit 1; }
    done
    touch $out
  '';
in
{
  options.wsl = {
    extraBin = lib.mkOption {
      default = [ ];
      example = lib.literalExpression ''[ { src = "''${pkgs.wget}/bin/wget"; } ]'';
      description = ''
        Programs to add to {file}`/bin` and {file}`/usr/bin`, or to put in the place of those that {option}`wsl.compat` has
        there. Of several with one name the last one counts.
      '';
      type = types.listOf (
        types.coercedTo types.package
          (
            package:
            throw ''wsl.extraBin takes sets, not packages. Write { src = "''${pkgs.${lib.getName package}}/bin/${
              package.meta.mainProgram or (lib.getName package)
            }"; }.''
          )
          (
            types.submodule (
              { config, ... }:
              {
                options = {
                  src = lib.mkOption {
                    type = formed "/.+" "absolute path";
                    example = lib.literalExpression ''"''${pkgs.wget}/bin/wget"'';
                    description = "Path of the program.";
                  };
                  name = lib.mkOption {
                    type = formed "[^/]+" "file name without a slash";
                    default = builtins.unsafeDiscardStringContext (baseNameOf config.src);
                    defaultText = lib.literalExpression "baseNameOf src";
                    description = "Its name in both folders.";
                  };
                  copy = lib.mkOption {
                    type = types.bool;
                    default = false;
                    description = ''
                      Whether {file}`/bin` gets a copy of the file instead of a link, so that it can be used from WSL's
                      system distribution, where the store is elsewhere.
                    '';
                  };
                };
              }
            )
          )
      );
    };

    userBin = lib.mkOption {
      type = types.lazyAttrsOf types.raw;
      internal = true;
      readOnly = true;
      default = lib.listToAttrs (
        lib.reverseList (map (entry: lib.nameValuePair entry.name (toBin entry)) free)
      );
      description = "{option}`wsl.extraBin` by name.";
    };

    populateBin = lib.mkOption {
      type = types.bool;
      default = true;
      internal = true;
      description = "Whether activation keeps {file}`/bin` up to date. It always does.";
    };

    binShPkg = lib.mkOption {
      type = types.package;
      internal = true;
      default = shims;
      defaultText = lib.literalMD "nixos-wsl-sh under the names `sh`, `login` and `mount`";
      description = "A package with the program that is {file}`/bin/sh`, for modules that make their own.";
    };

    binShExe = lib.mkOption {
      type = types.str;
      internal = true;
      default = "${shims}/bin/sh";
      defaultText = lib.literalMD "nixos-wsl-sh under the name `sh`";
      description = "The program that is {file}`/bin/sh`, for modules that make their own.";
    };

    wrapBinSh = lib.mkOption {
      type = types.bool;
      default = true;
      visible = false;
      description = "Whether {file}`/bin/sh` is a wrapper. It always is.";
    };
  };

  config = lib.mkIf cfg.enable {
    # envfs mounts itself over the folders once systemd runs; it must answer for what WSL needs there.
    services.envfs.extraFallbackPathCommands = ''
      ln -sf ${fallback}/* ${shims}/bin/* $out/
    '';

    # Its place is nixos-wsl-sh's, in every generation.
    system.activationScripts.binsh = lib.mkOverride 60 "";

    system.checks = lib.mkIf (copied != [ ]) [ copies ];

    warnings =
      map (entry: ''
        wsl.extraBin: /bin/${entry.name} stays this project's own program, without which WSL does not start the distribution. Leave ${entry.src} out.
      '') taken
      ++ map (sources: ''
        wsl.extraBin: /bin/${(lib.last sources).name} has several sources, and the last one counts: ${
          lib.concatMapStringsSep ", " (entry: entry.src) sources
        }. Leave out the others, or give them another ‘name’.
      '') different;
  };
}
