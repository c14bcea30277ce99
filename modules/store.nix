# The store after a copy that was interrupted: what it left goes once a start is over.
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
    systemd.services.nixos-wsl-clean-store = {
      description = "Remove what interrupted copies have left in the Nix store";
      # A start has been soon enough.
      restartIfChanged = false;
      serviceConfig = {
        Type = "exec";
        ExecStart = utils.escapeSystemdExecArgs [
          (lib.getExe cfg.programs.nixos-wsl)
          "clean-store"
        ];
        IOSchedulingClass = "idle";
        Nice = 19;
      };
    };

    # Not with the start: the first shell waits for every job of it (W§5.2).
    systemd.timers.nixos-wsl-clean-store = {
      description = "Remove what interrupted copies have left in the Nix store, after a start";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = 10;
        AccuracySec = 1;
      };
    };
  };
}
