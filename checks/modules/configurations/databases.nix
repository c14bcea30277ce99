# Databases of several kinds, with users and data of their own.
{
  lib,
  pkgs,
  ...
}:
{
  services.postgresql = {
    enable = true;
    package = pkgs.postgresql_17;
    enableTCPIP = true;
    ensureDatabases = [ "app" ];
    ensureUsers = [
      {
        name = "app";
        ensureDBOwnership = true;
      }
    ];
    authentication = lib.mkOverride 10 "local all all trust";
    settings.shared_preload_libraries = "pg_stat_statements";
  };
  services.mysql = {
    enable = true;
    package = pkgs.mariadb;
  };
  services.memcached.enable = true;
  systemd.services.postgresql.wantedBy = lib.mkForce [ ];
}
