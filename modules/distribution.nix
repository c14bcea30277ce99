# wsl.distribution: /etc/wsl-distribution.conf
{ config, lib, ... }:
let
  cfg = config.wsl;
in
{
  options.wsl.distribution.defaultName = lib.mkOption {
    type = lib.types.strMatching "[a-zA-Z0-9._-]{1,256}";
    default = "NixOS";
    description = "Name of the distribution when the user gives none.";
  };
  options.wsl.files.distributionConf = lib.mkOption {
    type = lib.types.lines;
    internal = true;
    readOnly = true;
    default = lib.generators.toINI { } { oobe.defaultName = cfg.distribution.defaultName; };
    description = "Text of {file}`/etc/wsl-distribution.conf`.";
  };
  config = lib.mkIf cfg.enable {
    environment.etc."wsl-distribution.conf" = {
      text = cfg.files.distributionConf;
      mode = "0644";
    };
  };
}
