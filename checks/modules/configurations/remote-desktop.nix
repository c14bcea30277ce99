# A desktop by xrdp, which nobody logs in to on a screen.
{
  services.xserver = {
    enable = true;
    autorun = false;
    windowManager.icewm.enable = true;
    xkb.layout = "de";
  };
  services.xrdp = {
    enable = true;
    defaultWindowManager = "icewm-session";
    port = 3390;
  };
}
