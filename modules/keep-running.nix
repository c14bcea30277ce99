# wsl.keepRunning: WSL ends a distribution that no program of Windows uses, whatever its services do (W§5.6).
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:

let
  cfg = config.wsl.keepRunning;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  wslExe = "${lib.removeSuffix "/" config.wsl.wslConf.automount.root}/c/Windows/System32/wsl.exe";

  # A client on Windows, whose own process in here waits for the one that has started it: it ends with that, however.
  client = pkgs.writeShellScript "wsl-keep-running" ''
    exec ${lib.escapeShellArg wslExe} --distribution ${cfg.distribution} --user root --cd / \
      --exec ${pkgs.coreutils}/bin/tail --pid=$$ --follow /dev/null
  '';

  service = unit: {
    name = "wsl-keep-running-${utils.escapeSystemdPath (lib.removeSuffix ".service" unit)}";
    value = {
      description = "Keeps WSL running as long as ${unit} is active";
      bindsTo = [ unit ];
      after = [ unit ];
      wantedBy = [ unit ];
      serviceConfig = {
        ExecStart = client;
        Restart = "on-failure";
        RestartSec = 30;
      };
    };
  };
in
{
  options.wsl.keepRunning.distribution = lib.mkOption {
    type = formed "[a-zA-Z0-9._-]{1,256}" "name of 1 to 256 letters, digits, dots, dashes and underscores";
    default = config.wsl.distribution.defaultName;
    defaultText = lib.literalExpression "config.wsl.distribution.defaultName";
    example = "Work";
    description = ''
      The name that the distribution has on Windows. Services are not told by WSL: it is to be set where
      {command}`wsl --import` or `--name` gave another.
    '';
  };

  options.wsl.keepRunning.units = lib.mkOption {
    type = types.listOf (
      formed "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)" "unit's name with its kind, such as docker.service"
    );
    default = [ ];
    example = [ "docker.service" ];
    description = ''
      Units that keep the distribution up as long as one of them is active. WSL otherwise ends it 15 seconds after the last
      program that Windows has started in it. Each gets a service beside it that holds a {command}`wsl.exe` on Windows, so
      that `wsl --terminate`, `wsl --shutdown` and the end of the Windows session end it all the same.

      {file}`.wslconfig` has the same for all distributions: `instanceIdleTimeout=-1` in `[general]`.
    '';
  };

  config = lib.mkIf (config.wsl.enable && cfg.units != [ ]) {
    assertions = [
      {
        assertion = config.wsl.systemd.mode == "native";
        message = "wsl.keepRunning.units needs wsl.systemd.mode = \"native\": in a namespace the units end with the distribution's last shell.";
      }
      {
        assertion = config.wsl.wslConf.interop.enabled;
        message = "wsl.keepRunning.units starts wsl.exe: set wsl.wslConf.interop.enabled.";
      }
    ];

    systemd.services = lib.listToAttrs (map service cfg.units);
  };
}
