# What every machine of the fleet has.
{ config, ... }:
{
  wsl.enable = true;
  wsl.image.configPath = ./machine;
  wsl.image.fileName = "${config.networking.hostName}.wsl";

  # Laptops are on at noon; a run that was missed is made up for at the next start. What it builds, the next start of the
  # distribution takes.
  system.autoUpgrade = {
    enable = true;
    flake = "path:/etc/nixos";
    flags = [
      "--update-input"
      "fleet"
    ];
    operation = "boot";
    dates = "12:00";
    randomizedDelaySec = "1h";
  };

  # The CI builds what is in nixosConfigurations and signs it; the machines download.
  nix.settings = {
    substituters = [ "https://cache.example.com/fleet" ];
    trusted-public-keys = [ "cache.example.com-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" ];
    experimental-features = [
      "nix-command"
      "flakes"
    ];
  };

  # The release the first of them was installed with. Leave it as it is, also after an update.
  system.stateVersion = "26.05";
}
