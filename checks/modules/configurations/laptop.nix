# A laptop's configuration, taken along.
{
  warnings = [
    "boot.loader.systemd-boot.enable has no effect"
    "networking.networkmanager.enable has no effect"
    "swapDevices is seldom needed"
    "boot.kernelModules has no effect"
  ];
  module = {
    boot.loader.systemd-boot.enable = true;
    boot.kernelModules = [ "kvm-intel" ];
    networking.networkmanager.enable = true;
    swapDevices = [ { device = "/swapfile"; } ];
  };
}
