# The stand-in that is rebuilt from where it runs: the same derivations outside, for the image, and inside, where this
# directory is below /etc/nixos. Its packages enter as store paths, because what they were made from is not there.
{
  # JSON: store paths by name, in { packages; offered; programs; buildTools; }.
  packages,
  # File of what ./configuration.nix takes.
  configuration,
  # File with the user that the first start has made (nix/oobe.nix), where it makes one.
  user ? null,
  # Further arguments of ./generation.nix: what an image has and a configuration cannot change.
  settings ? { },
}:

let
  inherit (builtins) mapAttrs storePath;
  paths = builtins.fromJSON (builtins.readFile packages);
  buildTools = storePath paths.buildTools;
  declared = import ./module.nix configuration;
  name = if user == null then null else (import user).wsl.defaultUser or null;
  # As `wsl.defaultUser` declares them.
  named =
    if name == null then
      { }
    else
      {
        defaultUser = name;
        users = declared.users or { } // {
          ${name}.uid = 1000;
        };
      };
  generation = import ./generation.nix (
    {
      lib = import ./lib.nix {
        system = builtins.currentSystem;
        bash = "${buildTools}/bin/bash";
        path = "${buildTools}/bin";
      };
      packages = mapAttrs (_: storePath) paths.packages;
      offered = mapAttrs (_: storePath) paths.offered;
      programs = storePath paths.programs;
      inherit buildTools;
      configuration = import ./configuration.nix (declared // named);
    }
    // settings
    // (if user == null then { } else { askForUser = true; })
  );
in
generation
