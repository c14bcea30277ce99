# The store after a copy that was interrupted: what it left goes at the next start.
{
  config,
  lib,
  utils,
  ...
}:

let
  cfg = config.wsl;
in
{
  config = lib.mkIf (cfg.enable && config.nix.enable) {
    systemd.services.nixos-wsl-clean-store = lib.mkMerge [
      (import ./lib/background.nix {
        description = "Remove what interrupted copies have left in the Nix store";
        command = utils.escapeSystemdExecArgs [
          (lib.getExe cfg.programs.nixos-wsl)
          "clean-store"
        ];
      })
      {
        serviceConfig = {
          IOSchedulingClass = "idle";
          Nice = 19;
        };
      }
    ];
  };
}
