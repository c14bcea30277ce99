# The store after a copy that was interrupted: what it left goes at the next start.
{ config, lib, ... }:

let
  cfg = config.wsl;
in
{
  config = lib.mkIf (cfg.enable && config.nix.enable) {
    systemd.services.nixos-wsl-clean-store = {
      description = "Remove what interrupted copies have left in the Nix store";
      wantedBy = [ "multi-user.target" ];
      after = [ "multi-user.target" ];
      # A start has been soon enough.
      restartIfChanged = false;
      serviceConfig = {
        # No start waits for it: WSL asks whether all jobs are done before it opens the first shell (W§5.2).
        Type = "exec";
        ExecStart = "${lib.getExe cfg.programs.nixos-wsl} clean-store";
        IOSchedulingClass = "idle";
        Nice = 19;
      };
    };
  };
}
