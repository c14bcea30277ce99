# Every section of wsl.conf, as its page on Windows' site shows it.
{
  wsl.wslConf = {
    automount = {
      enabled = true;
      root = "/mnt";
      options = "metadata,uid=1000,gid=100,umask=022,fmask=111,case=off";
      ldconfig = false;
      mountFsTab = false;
    };
    boot = {
      command = "mkdir -p /run/mine";
      systemd = true;
    };
    interop = {
      enabled = true;
      appendWindowsPath = false;
    };
    network = {
      hostname = "wsl";
      generateHosts = false;
      generateResolvConf = true;
    };
    user.default = "nixos";
  };
  networking.hostName = "wsl";
  networking.extraHosts = "192.0.2.2 printer";
}
