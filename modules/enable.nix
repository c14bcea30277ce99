# wsl.enable, and what of NixOS makes no sense below Windows: each is turned off by name, so that a module that asks
# whether it is in a container keeps its own answer.
{
  config,
  lib,
  ...
}:

let
  cfg = config.wsl;
in
{
  options.wsl.enable = lib.mkOption {
    type = lib.types.bool;
    default = false;
    example = true;
    description = ''
      Whether this system is a WSL distribution. Importing the module changes nothing while this is off.
    '';
  };

  config = lib.mkIf cfg.enable {
    # Windows brings the kernel, and starts the distribution without a boot loader.
    boot = {
      initrd.enable = false;
      kernel.enable = false;
      loader.grub.enable = lib.mkDefault false;
      modprobeConfig.enable = false;
      kexec.enable = lib.mkDefault false;
    };
    # What WSL reads before `/sbin/init` is the system's that starts next.
    system.build.installBootLoader = lib.mkOverride 60 "${lib.getExe cfg.programs.nixos-wsl} prepare-start";

    # Numbers from the configuration of a kernel that does not run here, and that the build would have to fetch.
    environment.etc."sysctl.d/55-nixos-aslr-entropy.conf".enable = false;

    # There is no console to log in on or to fall back to, and nothing below that would outlive systemd.
    console.enable = lib.mkDefault false;
    systemd.enableEmergencyMode = lib.mkDefault false;
    systemd.shutdownRamfs.enable = lib.mkDefault false;

    # No hardware is handed to the distribution. udev's database alone is tens of megabytes, firmware hundreds; it is on where
    # disks are configured (disks.nix) and for usbip.
    services.udev.enable = lib.mkDefault false;
    services.lvm.enable = lib.mkDefault false;
    boot.bcache.enable = lib.mkDefault false;
    powerManagement.enable = lib.mkDefault false;

    # WSLg draws by Mesa; wsl.useWindowsDriver adds the driver of Windows.
    hardware.graphics.enable = lib.mkDefault true;

    # Nothing plays a theme's sounds, and icons are for what is in the start menu.
    xdg.sounds.enable = lib.mkDefault false;
    xdg.icons.enable = lib.mkDefault cfg.startMenuLaunchers;

    # Windows gives addresses and filters; WSL keeps the clock, by a chrony outside the distribution that a second one
    # would fight.
    networking.dhcpcd.enable = lib.mkDefault false;
    networking.firewall.enable = lib.mkIf (!config.networking.nftables.enable) (lib.mkDefault false);
    systemd.services.firewall.enable = lib.mkDefault false;
    services.timesyncd.enable = lib.mkDefault false;

    # A container's host would give it; here WSL does.
    networking.useHostResolvConf = lib.mkOverride 900 false;

    # It needs pressure information, which kernels before 6.1 lack.
    systemd.oomd.enable = lib.mkDefault false;

    # The default user starts without a password.
    security.sudo.wheelNeedsPassword = lib.mkDefault false;

    # WSL has mounted these, with options of its own; /dev is one for all distributions. What it has not is mounted.
    system.activationScripts.specialfs = lib.mkOverride 90 ''
      specialMount() {
        mountpoint -q "$2" && return
        mkdir -p "$2"
        chmod 0755 "$2"
        mount -t "$4" -o "$3" "$1" "$2"
      }
      source ${config.system.build.earlyMountScript}
    '';

    # Modules and tools compare it with the running system; without a boot loader nothing else makes it.
    system.activationScripts.bootedSystem = lib.stringAfter [ "specialfs" ] ''
      [ -e /run/booted-system ] || ln -sfn "$(readlink -f "$systemConfig")" /run/booted-system
    '';

    assertions = [
      {
        assertion = !config.boot.initrd.systemd.enable || !config.boot.initrd.enable;
        message = "wsl.enable: there is no initrd below WSL. Remove boot.initrd settings.";
      }
      {
        assertion = !config.system.etc.overlay.enable;
        message = "system.etc.overlay.enable cannot be used on WSL, which reads and writes files in /etc before and beside anything mounted there, and would never see a changed /etc/wsl.conf or /etc/passwd. Set it to false.";
      }
      {
        assertion = !(config.system.nixos-init.enable or false);
        message = "system.nixos-init.enable cannot be used on WSL: it starts from an initrd. nixos-wsl-init takes its place; set it to false.";
      }
      {
        assertion = !config.networking.useHostResolvConf;
        message = "networking.useHostResolvConf is for containers: leave /etc/resolv.conf to WSL (wsl.wslConf.network.generateResolvConf).";
      }
    ];
  };
}
