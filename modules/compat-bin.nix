# wsl.compatBin and wsl.extraBin: /bin
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.wsl;
in
{
  options.wsl.bin = lib.mkOption {
    type = lib.types.lazyAttrsOf lib.types.raw;
    internal = true;
    default = { };
    description = "Names in /bin, in the form that nix/root.nix takes.";
  };
  config = lib.mkIf cfg.enable {
    wsl.bin = lib.mapAttrs (_: target: { inherit target; }) {
      bash = "${pkgs.bashInteractive}/bin/bash";
      grep = "${pkgs.gnugrep}/bin/grep";
      systemctl = "${config.systemd.package}/bin/systemctl";
      true = "${pkgs.coreutils}/bin/true";
    };
  };
}
