# fileSystems: a disk that is attached is mounted; one that is not holds up no start and takes nobody's session.
{ config, lib, ... }:

let
  inherit (config.wsl) enable;
  isDevice = device: device != null && lib.hasPrefix "/dev/" device;
  isDisk = fileSystem: fileSystem.mountPoint != "/" && isDevice fileSystem.device;
in
{
  options.fileSystems = lib.mkOption {
    type = lib.types.attrsOf (
      lib.types.submodule (
        { config, ... }:
        {
          # Ahead of the user's: of two limits systemd takes the last.
          config.options = lib.mkIf (enable && isDisk config) (
            lib.mkBefore [
              "nofail"
              "x-systemd.device-timeout=5s"
            ]
          );
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
