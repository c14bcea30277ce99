# The time zone of Windows: WSL looks for its name below /usr/share/zoneinfo, and does nothing where that is missing.
{
  config,
  lib,
  pkgs,
  ...
}:

{
  config = lib.mkIf (config.wsl.enable && config.wsl.wslConf.time.useWindowsTimezone) {
    wsl.root = {
      # Before the first activation too: WSL sets the zone first.
      extraEntries = [
        {
          path = "/usr/share/zoneinfo";
          type = "symlink";
          target = "${pkgs.tzdata}/share/zoneinfo";
        }
      ];
      extraApply.links = [
        {
          path = "/usr/share/zoneinfo";
          target = "${pkgs.tzdata}/share/zoneinfo";
        }
      ];
    };
  };
}
