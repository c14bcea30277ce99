# wsl.enable, and what of NixOS makes no sense below Windows: each is turned off by name.
{
  config,
  lib,
  pkgs,
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
      Whether to make this system a WSL distribution. Importing the module changes nothing while this is off.
    '';
  };

  config = lib.mkIf cfg.enable {
    # Windows brings the kernel, and starts the distribution without a boot loader.
    boot = {
      initrd.enable = false;
      kernel.enable = false;
      loader.grub.enable = false;
      modprobeConfig.enable = false;
    };
    system.build.installBootLoader = "${pkgs.coreutils}/bin/true";

    # There is no console to log in on or to fall back to.
    console.enable = false;
    systemd.enableEmergencyMode = false;

    # No hardware is handed to the distribution; udev alone would add 300 MB of firmware.
    services.udev.enable = lib.mkDefault false;
    powerManagement.enable = false;
    hardware.graphics.enable = true;

    # Windows does addresses, names and filtering, and WSL keeps the clock outside the distribution.
    networking.dhcpcd.enable = false;
    systemd.services.firewall.enable = false;
    services.timesyncd.enable = false;

    # Kernels before 6.1 have no pressure information, which it needs.
    systemd.oomd.enable = lib.mkDefault false;

    # The default user starts without a password.
    security.sudo.wheelNeedsPassword = lib.mkDefault false;
  };
}
