# fileSystems: a disk that is not attached holds up no start and takes nobody's session.
{ config, lib, ... }:

let
  inherit (config.wsl) enable;
in
{
  options.fileSystems = lib.mkOption {
    type = lib.types.attrsOf (
      lib.types.submodule (
        { config, ... }:
        let
          isDisk = config.mountPoint != "/" && config.device != null && lib.hasPrefix "/dev/" config.device;
        in
        {
          # Ahead of the user's: of two limits systemd takes the last.
          config.options = lib.mkIf (enable && isDisk) (
            lib.mkBefore [
              "nofail"
              "x-systemd.device-timeout=5s"
            ]
          );
        }
      )
    );
  };
}
