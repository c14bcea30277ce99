# `hardware-configuration.nix` of a laptop, imported as the installer wrote it.
{
  warnings = [
    "boot.initrd.availableKernelModules has no effect"
    "boot.kernelModules has no effect"
    "fileSystems.\"/\" has no effect"
    "fileSystems.\"/boot\" has no effect"
    "swapDevices is seldom needed"
    "networking.useDHCP has no effect"
    "hardware.cpu.intel.updateMicrocode has no effect"
  ];
  holds = config: {
    "nothing waits for swap that is not there" =
      (builtins.head config.swapDevices).options == [
        "nofail"
        "x-systemd.device-timeout=5s"
      ];
  };
  module =
    {
      config,
      lib,
      modulesPath,
      ...
    }:
    {
      imports = [ (modulesPath + "/installer/scan/not-detected.nix") ];
      boot.initrd.availableKernelModules = [
        "xhci_pci"
        "nvme"
      ];
      boot.initrd.kernelModules = [ ];
      boot.kernelModules = [ "kvm-intel" ];
      boot.extraModulePackages = [ ];
      fileSystems."/" = {
        device = "/dev/disk/by-uuid/00000000-0000-0000-0000-000000000000";
        fsType = "ext4";
      };
      fileSystems."/boot" = {
        device = "/dev/disk/by-uuid/0000-0000";
        fsType = "vfat";
        options = [
          "fmask=0077"
          "dmask=0077"
        ];
      };
      swapDevices = [ { device = "/dev/disk/by-uuid/00000000-0000-0000-0000-000000000001"; } ];
      networking.useDHCP = lib.mkDefault true;
      nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
      hardware.cpu.intel.updateMicrocode = lib.mkDefault config.hardware.enableRedistributableFirmware;
    };
}
