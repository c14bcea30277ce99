# People who work with numbers.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.duckdb ];
}
