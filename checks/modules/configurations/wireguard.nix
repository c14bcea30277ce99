# A tunnel, with names from a resolver that runs here.
{
  networking.wg-quick.interfaces.office = {
    address = [ "10.0.0.2/32" ];
    dns = [ "10.0.0.1" ];
    privateKeyFile = "/etc/wireguard/key";
    autostart = false;
    peers = [
      {
        publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
        allowedIPs = [ "10.0.0.0/8" ];
        endpoint = "192.0.2.1:51820";
      }
    ];
  };
  wsl.wslConf.network.generateResolvConf = false;
  networking.nameservers = [ "127.0.0.1" ];
  services.dnsmasq = {
    enable = true;
    settings.server = [ "1.1.1.1" ];
  };
}
