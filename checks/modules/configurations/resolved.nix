# Names by systemd-resolved, since WSL's file is turned off.
{
  wsl.wslConf.network.generateResolvConf = false;
  services.resolved.enable = true;
  networking.nameservers = [
    "1.1.1.1"
    "8.8.8.8"
  ];
}
