# `nix flake init -t .#fleet`: its images, and a machine whose user has been made.
let
  inherit (import ../../../templates/fleet/flake.nix) outputs;
in
{
  outputs =
    inputs:
    let
      fleet = outputs (inputs // { self = fleet; });
      machine = (import ../../../templates/fleet/machine/flake.nix).outputs { inherit fleet; };
      named = fleet.lib.machines { wsl.defaultUser = "zoe"; };
    in
    # The list of distributions is a derivation.
    assert fleet.packages.x86_64-linux.manifest.drvPath != "";
    {
      nixosConfigurations = fleet.nixosConfigurations // {
        named = named.developer;
        inherit (machine.nixosConfigurations) analyst;
      };
    };
  holds = config: {
    "the first start makes the user, or has made it" =
      config.wsl.distribution.oobe.askForUser != config.users.users ? zoe;
    "nixos-rebuild finds the machine by its name, and updates the fleet's flake" =
      builtins.elem config.networking.hostName [
        "developer"
        "developer-arm"
        "analyst"
      ]
      && config.system.autoUpgrade.flake == "path:/etc/nixos";
  };
}
