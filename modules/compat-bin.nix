# wsl.compatBin and wsl.extraBin: what /bin holds.
#
# WSL calls programs there by absolute path, more with every release, and starts others with a PATH that names only
# /usr and /bin (W§6.3). Activation replaces them one by one and removes those of former generations; what others put into
# the folder stays.
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

  names = import ./data/compat-bin.nix;
  fromPackage =
    attribute: names:
    lib.genAttrs names (name: {
      target = "${lib.getBin pkgs.${attribute}}/bin/${name}";
    });
  compat =
    lib.concatMapAttrs fromPackage names
    // lib.genAttrs [ "journalctl" "loginctl" "systemctl" ] (name: {
      target = "${config.systemd.package}/bin/${name}";
    });

  toBin =
    entry:
    if entry.copy then
      {
        source = entry.src;
        mode = "0755";
      }
    else
      { target = entry.src; };
  extra = lib.listToAttrs (map (entry: lib.nameValuePair entry.name (toBin entry)) cfg.extraBin);

  # One source per name: two modules that ask for the same program agree.
  conflicts = lib.filterAttrs (
    _: entries: lib.length (lib.unique (map (entry: entry.src) entries)) > 1
  ) (lib.groupBy (entry: entry.name) cfg.extraBin);

  shims = pkgs.runCommand "nixos-wsl-shims" { } ''
    for name in login mount sh; do
      install -D ${lib.getExe cfg.programs.nixos-wsl-sh} $out/bin/$name
    done
  '';

  usrBinId = {
    path = "/usr/bin/id";
    target = "${pkgs.coreutils}/bin/id";
  };

  paths = lib.mapAttrs (_: entry: entry.target or entry.source) cfg.bin;
  fallback = pkgs.linkFarm "nixos-wsl-bin" paths;
  targets =
    pkgs.runCommand "nixos-wsl-bin-targets"
      { targets = lib.filter (lib.hasPrefix builtins.storeDir) (lib.attrValues paths); }
      ''
        for target in $targets; do
          test -x "$target" || { echo "$target is missing: correct modules/data/compat-bin.nix or wsl.extraBin"; exit 1; }
        done
        touch $out
      '';
in
{
  options.wsl = {
    compatBin = lib.mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether {file}`/bin` holds the common programs (coreutils, grep, sed, find, tar, bash, systemctl and others).

        WSL's own calls and programs started without a login shell (`wsl -e`, editors, Docker Desktop) look for them
        there. Only links to what the system has anyway, so it costs nothing. Without, only what WSL cannot do without
        is there: `sh`, `login`, `mount`, and what {option}`wsl.extraBin` adds.
      '';
    };

    extraBin = lib.mkOption {
      default = [ ];
      example = lib.literalExpression ''[ { src = "''${pkgs.wget}/bin/wget"; } ]'';
      description = "Programs to add to {file}`/bin`, or to put in the place of those that {option}`wsl.compatBin` has there.";
      type = types.listOf (
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
                description = "Its name in {file}`/bin`.";
              };
              copy = lib.mkOption {
                type = types.bool;
                default = false;
                description = ''
                  Whether to copy the file instead of linking to it, so that it can be used from WSL's system
                  distribution, where the store is elsewhere.
                '';
              };
            };
          }
        )
      );
    };

    populateBin = lib.mkOption {
      type = types.bool;
      default = true;
      internal = true;
      description = "Whether activation keeps {file}`/bin` up to date.";
    };

    binShExe = lib.mkOption {
      type = types.str;
      internal = true;
      readOnly = true;
      default = "${shims}/bin/sh";
      defaultText = lib.literalMD "nixos-wsl-sh under the name `sh`";
      description = "The program that is {file}`/bin/sh`, for modules that make their own.";
    };

    bin = lib.mkOption {
      type = types.lazyAttrsOf types.raw;
      internal = true;
      readOnly = true;
      default = lib.optionalAttrs cfg.compatBin compat // extra;
      description = "Names in {file}`/bin`, in the form that nix/root.nix takes.";
    };
  };

  config = lib.mkIf cfg.enable {
    # envfs mounts itself over /bin once systemd runs; it must answer for what WSL needs there.
    services.envfs.extraFallbackPathCommands = ''
      ln -sf ${fallback}/* ${shims}/bin/* $out/
    '';

    # WSL looks the user up with it when the default user is changed from Windows.
    wsl.root.extraApply.links = [ usrBinId ];
    wsl.root.extraEntries = [ (usrBinId // { type = "symlink"; }) ];

    # Its place is nixos-wsl-sh's, in every generation.
    system.activationScripts.binsh = lib.mkForce "";

    # A name that its package has no more would be a dangling link; this fails the build instead.
    system.checks = [ targets ];

    assertions = [
      {
        assertion = !lib.any (entry: lib.elem entry.name reserved) cfg.extraBin;
        message = "wsl.extraBin cannot replace ${
          lib.concatMapStringsSep ", " (name: "/bin/${name}") reserved
        }: without them WSL does not start the distribution.";
      }
      {
        assertion = conflicts == { };
        message = "wsl.extraBin has different programs under one name: ${
          lib.concatStringsSep "; " (
            lib.mapAttrsToList (
              name: entries: "${name} = ${lib.concatMapStringsSep ", " (entry: entry.src) entries}"
            ) conflicts
          )
        }. Give one of them another ‘name’.";
      }
    ];
  };
}
