# wsl.wslConf: /etc/wsl.conf
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  format = pkgs.formats.ini { };
in
{
  options.wsl.wslConf = lib.mkOption {
    type = lib.types.submodule { freeformType = format.type; };
    default = { };
    description = "Settings of {file}`/etc/wsl.conf`.";
  };

  options.wsl.files.wslConf = lib.mkOption {
    type = lib.types.lines;
    internal = true;
    readOnly = true;
    default = lib.generators.toINI { } cfg.wslConf;
    description = "Text of {file}`/etc/wsl.conf`.";
  };

  config = lib.mkIf cfg.enable {
    wsl.wslConf = {
      automount.mountFsTab = false;
      automount.ldconfig = false;
      boot.systemd = true;
      user.default = config.users.users.${cfg.defaultUser}.name;
    };
    environment.etc."wsl.conf" = {
      text = cfg.files.wslConf;
      mode = "0644";
    };
    environment.etc.hosts.enable = false;
    environment.etc."resolv.conf".enable = false;
    networking.resolvconf.enable = false;
  };
}
