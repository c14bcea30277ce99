# wsl.boot: how nixos-wsl-init and the shells start, the settings they read before anything is activated, and the units
# that tell them how a boot went.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  inherit (lib) types;

  session = {
    version = 1;
    inherit (cfg.boot) activationTimeout loginWait;
    automountRoot = cfg.wslConf.automount.root;
    inherit (cfg.interop) windowsPath;
    systemdMode = cfg.systemd.mode;
    systemdTimeout = cfg.systemd.namespace.timeout;
    systemdUser =
      if cfg.systemd.namespace.privileges == "root" then
        config.users.users.${cfg.defaultUser}.name
      else
        null;
    inherit (config.users) mutableUsers;
  };

  complete = "${lib.getExe cfg.programs.nixos-wsl} boot-complete";
in
{
  options.wsl.boot = {
    activationTimeout = lib.mkOption {
      type = types.ints.between 5 600;
      default = 90;
      description = ''
        Seconds that activating a generation may take at boot. Then the next older one is tried, so that a script that
        hangs does not keep the distribution from starting.
      '';
    };

    loginWait = lib.mkOption {
      type = types.ints.between 0 60;
      default = 10;
      description = "Seconds that a login waits for an activation under way before it starts the shell without.";
    };
  };

  config = lib.mkIf cfg.enable {
    wsl.files.session = builtins.toJSON session;

    system.systemBuilderCommands = ''
      mkdir -p $out/nixos-wsl
      ln -s ${pkgs.writeText "nixos-wsl-session.json" cfg.files.session} $out/nixos-wsl/session.json
    '';

    # An attempt that is never cleared counts against its generation.
    systemd.services.nixos-wsl-boot-complete = {
      description = "Record that this generation boots";
      wantedBy = [ "multi-user.target" ];
      after = [ "multi-user.target" ];
      # A switch says nothing about how the next boot goes.
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = complete;
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
        ExecStop = "${complete} --stopping";
      };
    };
  };
}
