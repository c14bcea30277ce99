# The time zone of Windows: WSL looks for its name below /usr/share/zoneinfo, and does nothing where that is missing.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (import ../nix/entries.nix) link;
  zoneinfo = {
    path = "/usr/share/zoneinfo";
    target = "${pkgs.tzdata}/share/zoneinfo";
  };
in
{
  config = lib.mkIf (config.wsl.enable && config.wsl.wslConf.time.useWindowsTimezone) {
    wsl.root = {
      # Before the first activation too: WSL sets the zone first.
      extraEntries = [ (link zoneinfo.path zoneinfo.target) ];
      extraApply.links = [ zoneinfo ];
    };
  };
}
