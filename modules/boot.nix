# The units that tell nixos-wsl-init how a boot went: an attempt that is never cleared counts against its generation.
{ config, lib, ... }:

let
  clear = "${lib.getExe config.wsl.programs.nixos-wsl} boot-complete";
in
{
  config = lib.mkIf config.wsl.enable {
    systemd.services.nixos-wsl-boot-complete = {
      description = "Record that this generation boots";
      wantedBy = [ "multi-user.target" ];
      after = [ "multi-user.target" ];
      # A switch says nothing about how the next boot goes.
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = clear;
      };
    };

    # Whoever stops the distribution before it was ready does not thereby call the generation broken.
    systemd.services.nixos-wsl-boot-stop = {
      description = "Record a clean stop";
      wantedBy = [ "sysinit.target" ];
      restartIfChanged = false;
      stopIfChanged = false;
      unitConfig = {
        DefaultDependencies = false;
        RequiresMountsFor = "/var/lib/nixos-wsl";
        Conflicts = "shutdown.target";
        Before = "shutdown.target";
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStop = clear;
      };
    };
  };
}
