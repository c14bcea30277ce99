# A desktop by xrdp, which nobody logs in to on a screen.
{
  services.xserver = {
    enable = true;
    autorun = false;
    desktopManager.xfce.enable = true;
    xkb.layout = "de";
  };
  services.xrdp = {
    enable = true;
    defaultWindowManager = "xfce4-session";
    port = 3390;
  };
}
