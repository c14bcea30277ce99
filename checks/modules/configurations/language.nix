# Another language, keyboard and clock.
{
  warnings = [ "console.keyMap has no effect" ];
  module =
    { pkgs, ... }:
    {
      time.timeZone = "Asia/Tokyo";
      console.keyMap = "jp106";
      i18n = {
        defaultLocale = "ja_JP.UTF-8";
        extraLocaleSettings.LC_MESSAGES = "en_US.UTF-8";
        inputMethod = {
          enable = true;
          type = "ibus";
        };
      };
    };
}
