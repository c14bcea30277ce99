# Every setting that cannot act on WSL has one warning that says why and what to do instead: each row of the table is tried.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  table = lib'.default.config.wsl.ineffective;

  # What a user writes, by the row's option. Some exclude each other, so there are two systems.
  samples = {
    "a pattern with a backslash in wsl.interop.windowsPath".wsl.interop.windowsPath = [
      "C:\\Windows\\*"
    ];
    "boot.blacklistedKernelModules".boot.blacklistedKernelModules = [ "nouveau" ];
    "boot.extraModprobeConfig".boot.extraModprobeConfig = "options kvm nested=1";
    "boot.extraModulePackages" =
      { config, ... }:
      {
        boot.extraModulePackages = [ config.boot.kernelPackages.v4l2loopback ];
      };
    "boot.initrd.availableKernelModules".boot.initrd.availableKernelModules = [ "xhci_pci" ];
    "boot.initrd.kernelModules".boot.initrd.kernelModules = [ "dm-snapshot" ];
    "boot.initrd.luks.devices".boot.initrd.luks.devices.root.device = "/dev/sda2";
    "boot.isContainer".boot.isContainer = true;
    "boot.kernelModules".boot.kernelModules = [ "kvm-intel" ];
    "boot.kernelPackages".boot.kernelPackages = pkgs.linuxPackages_latest;
    "boot.kernelParams".boot.kernelParams = [ "quiet" ];
    "boot.kernelPatches".boot.kernelPatches = [
      {
        name = "config";
        patch = null;
      }
    ];
    "boot.loader.efi.canTouchEfiVariables".boot.loader.efi.canTouchEfiVariables = true;
    "boot.loader.generic-extlinux-compatible.enable".boot.loader.generic-extlinux-compatible.enable =
      true;
    "boot.loader.grub.device".boot.loader.grub.device = "/dev/sda";
    "boot.loader.grub.devices".boot.loader.grub.devices = [ "/dev/sda" ];
    "boot.loader.grub.enable".boot.loader.grub.enable = true;
    "boot.loader.systemd-boot.enable".boot.loader.systemd-boot.enable = true;
    "boot.loader.timeout".boot.loader.timeout = 3;
    "boot.plymouth.enable".boot.plymouth.enable = true;
    "boot.supportedFilesystems.zfs" = {
      boot.supportedFilesystems = [ "zfs" ];
      networking.hostId = "00000000";
    };
    "console.earlySetup".console.earlySetup = true;
    "console.enable".console.enable = true;
    "console.font".console.font = "Lat2-Terminus16";
    "console.keyMap".console.keyMap = "de";
    "console.packages".console.packages = [ pkgs.terminus_font ];
    "console.useXkbConfig".console.useXkbConfig = true;
    "fileSystems.\"/\"".fileSystems."/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "ext4";
    };
    "fileSystems.\"/boot\"".fileSystems."/boot" = {
      device = "/dev/disk/by-label/boot";
      fsType = "vfat";
    };
    "fileSystems.\"/boot/efi\"".fileSystems."/boot/efi" = {
      device = "/dev/disk/by-label/efi";
      fsType = "vfat";
    };
    "hardware.bluetooth.enable".hardware.bluetooth.enable = true;
    "hardware.cpu.amd.updateMicrocode".hardware.cpu.amd.updateMicrocode = true;
    "hardware.cpu.intel.updateMicrocode".hardware.cpu.intel.updateMicrocode = true;
    "hardware.enableAllFirmware".hardware.enableAllFirmware = true;
    "hardware.enableRedistributableFirmware".hardware.enableRedistributableFirmware = true;
    "hardware.firmware".hardware.firmware = [ pkgs.linux-firmware ];
    "networking.bonds".networking.bonds.bond0.interfaces = [ "eth0" ];
    "networking.bridges".networking.bridges.br0.interfaces = [ "eth0" ];
    "networking.defaultGateway".networking.defaultGateway = "192.0.2.1";
    "networking.dhcpcd.enable".networking.dhcpcd.enable = true;
    "networking.firewall.enable".networking.firewall.enable = true;
    "networking.interfaces".networking.interfaces.eth0.useDHCP = true;
    "networking.networkmanager.enable".networking.networkmanager.enable = true;
    "networking.useDHCP".networking.useDHCP = true;
    "networking.vlans".networking.vlans.vlan0 = {
      id = 2;
      interface = "eth0";
    };
    "networking.wireless.enable".networking.wireless.enable = true;
    "powerManagement.cpuFreqGovernor".powerManagement.cpuFreqGovernor = "performance";
    "powerManagement.enable".powerManagement.enable = true;
    "security.apparmor.enable".security.apparmor.enable = true;
    "services.auto-cpufreq.enable".services.auto-cpufreq.enable = true;
    "services.chrony.enable".services.chrony.enable = true;
    "services.displayManager".services.greetd.enable = true;
    "services.fstrim.enable".services.fstrim.enable = true;
    "services.fwupd.enable".services.fwupd.enable = true;
    "services.getty.autologinUser".services.getty.autologinUser = "nixos";
    "services.kmscon.enable".services.kmscon.enable = true;
    "services.ntp.enable".services.ntp.enable = true;
    "services.openntpd.enable".services.openntpd.enable = true;
    "services.power-profiles-daemon.enable".services.power-profiles-daemon.enable = true;
    "services.smartd.enable".services.smartd.enable = true;
    "services.thermald.enable".services.thermald.enable = true;
    "services.timesyncd.enable".services.timesyncd.enable = true;
    "services.tlp.enable".services.tlp.enable = true;
    "services.xserver.videoDrivers".services.xserver.videoDrivers = [ "amdgpu" ];
    "swapDevices".swapDevices = [ { device = "/swapfile"; } ];
    "time.hardwareClockInLocalTime".time.hardwareClockInLocalTime = true;
    "virtualisation.virtualbox.host.enable".virtualisation.virtualbox.host.enable = true;
    "virtualisation.vmware.host.enable".virtualisation.vmware.host = {
      enable = true;
      package = pkgs.hello;
    };
    "virtualisation.waydroid.enable".virtualisation.waydroid.enable = true;
    "wsl.binShExe".wsl.binShExe = "${pkgs.dash}/bin/dash";
    "wsl.binShPkg".wsl.binShPkg = pkgs.dash;
    "wsl.interop.windowsPath".wsl.wslConf.interop.appendWindowsPath = false;
    "wsl.populateBin = false".wsl.populateBin = false;
    "wsl.useWindowsDriver".wsl = {
      useWindowsDriver = true;
      wslConf.gpu.enabled = false;
    };
    "wsl.wrapBinSh = false".wsl.wrapBinSh = false;
    # No row, but a sentence of the same module.
    "wsl.wslConf.general.hostname".wsl.wslConf.general.hostname = "nixos";
  };

  # These do not go together with others.
  apart = [
    "boot.isContainer"
    "console.useXkbConfig"
    "networking.networkmanager.enable"
    "services.timesyncd.enable"
  ];
  warningsOf = samples: (lib'.wsl (lib.attrValues samples)).config.warnings;
  sentences = warningsOf (removeAttrs samples apart) ++ warningsOf (lib.getAttrs apart samples);
  quiet = lib'.default.config.warnings;

  options = map (row: row.option) table;
  effects = lib.listToAttrs (
    map (row: lib.nameValuePair row.option (row.effect or "has no effect")) table
  );
  count =
    option: lib.count (lib.hasPrefix "${option} ${effects.${option} or "has no effect"}") sentences;
in
lib'.decide "ineffective" (
  map (option: "${option} is not tried") (lib.subtractLists (lib.attrNames samples) options)
  ++ map (option: "${option} has ${toString (count option)} warnings") (
    lib.filter (option: count option != 1) (lib.attrNames samples)
  )
  ++ map (sentence: "without cause: ${sentence}") quiet
)
