# flake-parts' mkFlake as far as it makes systems: modules for the flake's outputs, with parts for each system's packages.
{ nixpkgs }:

let
  inherit (nixpkgs) lib;
  inherit (lib) types;
in
{
  mkFlake =
    { inputs }:
    module:
    let
      perSystemOf =
        modules: system:
        (lib.evalModules {
          specialArgs = {
            inherit system;
            pkgs = inputs.nixpkgs.legacyPackages.${system};
            inputs' = lib.mapAttrs (_: input: {
              packages = input.packages.${system} or { };
              legacyPackages = input.legacyPackages.${system} or { };
            }) inputs;
          };
          modules = modules ++ [ { freeformType = types.lazyAttrsOf types.raw; } ];
        }).config;
      parts =
        { config, ... }:
        {
          options = {
            systems = lib.mkOption { type = types.listOf types.str; };
            flake = lib.mkOption {
              type = types.submodule { freeformType = types.lazyAttrsOf (types.lazyAttrsOf types.raw); };
              default = { };
            };
            perSystem = lib.mkOption {
              type = lib.mkOptionType {
                name = "modules";
                merge = _location: map (definition: definition.value);
              };
              default = { };
              apply = modules: lib.genAttrs config.systems (perSystemOf (lib.toList modules));
            };
          };
          config.flake.packages = lib.mapAttrs (_: part: part.packages or { }) config.perSystem;
          config._module.args.withSystem =
            system: use:
            use {
              inherit system;
              config = config.perSystem.${system};
              pkgs = inputs.nixpkgs.legacyPackages.${system};
            };
        };
    in
    (lib.evalModules {
      specialArgs = {
        inherit inputs;
        inherit (inputs) self;
      };
      modules = [
        parts
        module
      ];
    }).config.flake;
}
