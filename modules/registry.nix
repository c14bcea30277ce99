# The registry of flakes: `nixpkgs#…` and `<nixpkgs>` are found without a network.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  # Nix reads its global registry before it looks for any name, and gives up where it can't be downloaded, although the
  # system's own registry has nixpkgs. A file it reads where it is.
  registry = pkgs.writeText "nixos-wsl-flake-registry.json" (
    builtins.toJSON {
      version = 2;
      flakes = lib.mapAttrsToList (id: repository: {
        from = {
          type = "indirect";
          inherit id;
        };
        to = {
          type = "github";
          owner = lib.head (lib.splitString "/" repository);
          repo = lib.last (lib.splitString "/" repository);
        };
      }) (import ./data/flake-registry.nix);
    }
  );
in
{
  config = lib.mkIf (config.wsl.enable && config.nix.registry ? nixpkgs) {
    nix.settings.flake-registry = lib.mkDefault "${registry}";
  };
}
