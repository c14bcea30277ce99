# Modules of nixpkgs that read the source of a file in /etc which WSL writes in its place: dnsmasq, nftables and
# nscd read hosts.
{
  warnings = [
    "networking.hosts has no effect"
    "networking.nameservers has no effect"
  ];
  module = {
    networking.hosts."192.0.2.7" = [ "nas" ];
    networking.nftables.enable = true;
    services.dnsmasq.enable = true;
    services.nscd.enableNsncd = false;
    time.timeZone = "Europe/Zurich";
  };
}
