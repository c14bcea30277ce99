# What a server has, taken along: metrics, a proxy with names, bans.
{
  services.prometheus = {
    enable = true;
    exporters.node.enable = true;
    scrapeConfigs = [
      {
        job_name = "node";
        static_configs = [ { targets = [ "localhost:9100" ]; } ];
      }
    ];
  };
  services.grafana.enable = true;
  services.grafana.settings.security.secret_key = "x";
  services.caddy = {
    enable = true;
    virtualHosts."localhost".extraConfig = "respond hello";
  };
  services.fail2ban.enable = true;
  networking.nftables.enable = true;
  services.journald.extraConfig = "SystemMaxUse=100M";
}
