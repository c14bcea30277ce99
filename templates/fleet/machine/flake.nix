# /etc/nixos of each machine: the fleet's configurations, with the user that the first start made.
{
  inputs.fleet.url = "github:OWNER/fleet"; # wherever you keep the fleet's repository

  outputs = { fleet, ... }: { nixosConfigurations = fleet.lib.machines ./user.nix; };
}
