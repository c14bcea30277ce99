# People who work with numbers.
{ pkgs, ... }:
{
  wsl.distribution.defaultName = "Analyst";
  environment.systemPackages = [ pkgs.duckdb ];
}
