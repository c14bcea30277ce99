# wsl.image.offlineChanges: what a changed configuration is built from.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) types;
  inherit (config.environment) etc;

  # What nearly every change builds anew, or a part of it.
  rebuilt = [
    config.system.build.etc
    config.system.path
  ]
  ++ map (name: etc.${name}.source) (
    lib.filter (name: etc ? ${name} && lib.isDerivation etc.${name}.source) [
      "dbus-1"
      "systemd/system"
      "systemd/user"
    ]
  );

  # A text refers to every path in it: so the inputs of these builds are kept, whatever they are, and not what made them.
  inputs = pkgs.writeText "nixos-wsl-offline-changes.json" (
    builtins.toJSON {
      derivations = map (derivation: derivation.drvAttrs) rebuilt;
      toplevel = {
        inherit (config.system) systemBuilderArgs systemBuilderCommands;
        inherit (config.system.build) bootStage2;
        bootspec = config.boot.bootspec.writer;
        stdenv = pkgs.stdenvNoCC;
      };
    }
  );
in
{
  options.wsl.image.offlineChanges = lib.mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = ''
      Whether the system keeps what {command}`nixos-rebuild` builds a changed configuration from, so that a change of
      text, users, services, names or settings needs no network: the tools of nixpkgs' `stdenvNoCC`, and the inputs of
      {file}`/etc`, of the list of programs and of the units. New packages are downloaded all the same. It costs some
      40 MB of the store and 10 to 15 MB of the image (estimated). Every generation keeps its own:
      {command}`nix-collect-garbage -d` does not remove what the running system's changes need.
    '';
  };

  config = lib.mkIf (config.wsl.enable && config.wsl.image.offlineChanges) {
    system.extraDependencies = [ inputs ];
  };
}
