# wsl.usbip: USB devices that usbipd-win shares on Windows.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.usbip;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;
  address = formed "[A-Za-z0-9.:-]+" "address or host name";
  isAddress = address.check;
in
{
  options.wsl.usbip = {
    enable = lib.mkOption {
      type = types.bool;
      default = false;
      description = "Whether USB devices of Windows can be attached: `usbipd attach --wsl --busid 4-1` on Windows.";
    };

    package = lib.mkPackageOption pkgs [ "linuxPackages" "usbip" ] { };

    autoAttach = lib.mkOption {
      type = types.listOf (
        formed "[0-9]+-[0-9]+(\\.[0-9]+)*" "bus id as `usbipd list` shows it, such as \"4-1\""
      );
      default = [ ];
      example = [ "4-1" ];
      description = ''
        Bus ids of devices to attach whenever they are plugged in, as `usbipd list` shows them. Each must be shared once
        by `usbipd bind`.
      '';
    };

    host = lib.mkOption {
      type = types.nullOr address;
      default = null;
      example = "127.0.0.1";
      description = ''
        Address of Windows. `null` is the default route's gateway, which is right unless WSL's network is mirrored: then
        it is `127.0.0.1`.
      '';
    };

    snippetIpAddress = lib.mkOption {
      type = types.nullOr types.str;
      default = null;
      visible = false;
      description = "Former name of {option}`wsl.usbip.host`.";
    };
  };

  config = lib.mkIf (config.wsl.enable && cfg.enable) {
    warnings = lib.optional (cfg.snippetIpAddress != null) (
      if isAddress cfg.snippetIpAddress then
        "wsl.usbip.snippetIpAddress is now wsl.usbip.host."
      else
        "wsl.usbip.snippetIpAddress takes no shell any more, and has no effect: the default route's gateway is found without. For another host set wsl.usbip.host to its address."
    );
    wsl.usbip.host = lib.mkIf (cfg.snippetIpAddress != null && isAddress cfg.snippetIpAddress) (
      lib.mkDefault cfg.snippetIpAddress
    );

    environment.systemPackages = [ cfg.package ];
    wsl.kernelModules = [ "vhci-hcd" ];
    services.udev.enable = true;
    # usbipd-win runs it by this name in the distribution.
    wsl.featureBin.modprobe.target = "${pkgs.kmod}/bin/modprobe";

    systemd.targets.usbip.description = "USB devices of Windows";

    systemd.services."usbip-auto-attach@" = {
      description = "USB device %i of Windows";
      after = [
        "network.target"
        "systemd-modules-load.service"
      ];
      partOf = [ "usbip.target" ];
      serviceConfig = {
        ExecStart = lib.concatStringsSep " " (
          [
            "${lib.getExe config.wsl.programs.nixos-wsl} usbip-attach"
            "--usbip ${cfg.package}/bin/usbip"
          ]
          ++ lib.optional (cfg.host != null) "--host ${cfg.host}"
          ++ [ "%i" ]
        );
        Restart = "on-failure";
        RestartSec = 5;
      };
    };

    systemd.targets.multi-user.wants = map (busid: "usbip-auto-attach@${busid}.service") cfg.autoAttach;
  };
}
