# What NixOS-WSL turns off, turned on again by somebody who wants it.
{
  warnings = [
    "services.timesyncd.enable has no effect"
    "networking.dhcpcd.enable has no effect"
  ];
  module =
    { lib, ... }:
    {
      services.timesyncd.enable = true;
      networking.dhcpcd.enable = lib.mkForce true;
      systemd.oomd.enable = true;
      services.udev.enable = lib.mkForce true;
      security.sudo.wheelNeedsPassword = lib.mkForce true;
      environment.noXlibs = lib.mkIf false true;
      systemd.services."serial-getty@ttyS0".enable = false;
      systemd.services."autovt@".enable = false;
    };
}
