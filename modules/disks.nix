# fileSystems and swapDevices: a disk that is attached is used; one that is not holds up no start and takes nobody's session.
{ config, lib, ... }:

let
  inherit (config.wsl) enable;
  isDevice = device: device != null && lib.hasPrefix "/dev/" device;
  # Ahead of the user's: of two limits systemd takes the last.
  optional = lib.mkBefore [
    "nofail"
    "x-systemd.device-timeout=5s"
  ];
  isDisk = fileSystem: fileSystem.mountPoint != "/" && isDevice fileSystem.device;
in
{
  options.fileSystems = lib.mkOption {
    type = lib.types.attrsOf (
      lib.types.submodule (
        { config, ... }:
        {
          config.options = lib.mkIf (enable && isDisk config) optional;
        }
      )
    );
  };

  options.swapDevices = lib.mkOption {
    type = lib.types.listOf (
      lib.types.submodule (
        { config, ... }:
        {
          config.options = lib.mkIf (enable && isDevice config.device) optional;
        }
      )
    );
  };

  # systemd takes a device for present when udev says so, and the names by label and by UUID are udev's: without it no disk
  # would ever be mounted. Stronger than the default (enable.nix), weaker than a user's word.
  config.services.udev.enable = lib.mkIf (
    enable
    && (
      lib.any isDisk (lib.attrValues config.fileSystems)
      || lib.any (swap: isDevice swap.device) config.swapDevices
    )
  ) (lib.mkOverride 900 true);
}
