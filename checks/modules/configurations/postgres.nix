# Services of a web developer.
{ pkgs, ... }:
{
  services.postgresql.enable = true;
  services.postgresql.package = pkgs.postgresql_16;
  services.redis.servers."".enable = true;
  services.nginx.enable = true;
}
