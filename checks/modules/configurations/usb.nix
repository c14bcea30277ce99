# A key for signing in, by usbip, udev and pcscd.
{ pkgs, ... }:
{
  wsl.usbip = {
    enable = true;
    autoAttach = [ "4-1" ];
  };
  services.pcscd.enable = true;
  services.udev = {
    enable = true;
    packages = [ pkgs.yubikey-personalization ];
    extraRules = ''
      SUBSYSTEM=="usb", MODE="0666"
    '';
  };
  users.users.nixos.extraGroups = [
    "dialout"
    "plugdev"
  ];
  users.groups.plugdev = { };
}
