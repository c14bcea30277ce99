# Programs with windows, in the start menu, with fonts and sound.
{ pkgs, ... }:
{
  wsl.startMenuLaunchers = true;
  fonts = {
    packages = [
      pkgs.noto-fonts
      pkgs.nerd-fonts.jetbrains-mono
    ];
    fontconfig.defaultFonts.monospace = [ "JetBrainsMono Nerd Font" ];
  };
  programs.dconf.enable = true;
  programs.firefox.enable = true;
  services.pulseaudio.enable = false;
  services.dbus.enable = true;
  xdg.portal = {
    enable = true;
    extraPortals = [ pkgs.xdg-desktop-portal-gtk ];
    config.common.default = "gtk";
  };
  environment.sessionVariables.NIXOS_OZONE_WL = "1";
  qt.enable = true;
}
