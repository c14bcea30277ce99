# Options of one's own under a name space, in modules that import each other.
{ config, lib, ... }:
{
  imports = [
    (
      { config, lib, ... }:
      {
        options.acme.wsl.enable = lib.mkEnableOption "WSL";
        config = lib.mkIf config.acme.wsl.enable {
          wsl.enable = true;
          wsl.defaultUser = config.acme.user;
        };
      }
    )
  ];
  options.acme.user = lib.mkOption { type = lib.types.str; };
  config.acme.user = "acme";
  config.acme.wsl.enable = true;
}
