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
    inherit (cfg.boot) activationTimeout loginWait startTimeout;
    automountRoot = cfg.wslConf.automount.root;
    inherit (cfg.interop) windowsPath;
    systemdMode = cfg.systemd.mode;
    systemdTimeout = cfg.systemd.namespace.timeout;
    systemdUser =
      if cfg.systemd.namespace.privileges == "root" && !cfg.distribution.oobe.askForUser then
        config.users.users.${cfg.defaultUser}.name
      else
        null;
    inherit (config.users) mutableUsers;
  };

  complete = "${lib.getExe cfg.programs.nixos-wsl} boot-complete";

  # A target of one's own that leads to neither of these is one's own word for a system that is up.
  inherit (config.systemd) defaultUnit;
  targets = [
    "multi-user.target"
  ]
  ++ lib.optional (
    !lib.elem defaultUnit [
      "multi-user.target"
      "graphical.target"
      "emergency.target"
      "rescue.target"
    ]
  ) defaultUnit;
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

    startTimeout = lib.mkOption {
      type = types.ints.between 10 86400;
      default = 90;
      example = 300;
      description = ''
        Seconds that a system may take from its activation to {file}`multi-user.target`. When the distribution is stopped
        from Windows (by {command}`wsl --terminate`, or because nobody uses it) and the target is not reached yet, the start
        counts as failed if it has taken longer, and not at all if it has not. Two failed starts in a row bring back the
        generation before; three, where the system has reached the target once.
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
      wantedBy = targets;
      after = targets;
      # A switch says nothing about how the next boot goes.
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = complete;
      };
    };

    # Emergency and rescue mode are for the user to work in, and say nothing about the generation.
    systemd.services.nixos-wsl-boot-emergency = {
      description = "Record that this start ended where its user is to take over";
      wantedBy = [
        "emergency.target"
        "rescue.target"
      ];
      restartIfChanged = false;
      unitConfig = {
        DefaultDependencies = false;
        Conflicts = "shutdown.target";
        Before = "shutdown.target";
      };
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${complete} --emergency";
      };
    };

    # Whoever stops the distribution from Windows before it was ready does not thereby call the generation broken. Whatever
    # does so inside has: so it is asked when systemd shuts down, however far it had come.
    systemd.services.nixos-wsl-boot-stop = {
      description = "Record who stops the system";
      wantedBy = [ "shutdown.target" ];
      restartIfChanged = false;
      stopIfChanged = false;
      unitConfig = {
        DefaultDependencies = false;
        Before = "shutdown.target umount.target final.target";
      };
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${complete} --stopping";
      };
    };
  };
}
