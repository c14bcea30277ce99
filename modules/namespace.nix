# wsl.systemd.namespace: what a system needs whose systemd the first shell starts (wsl.systemd.mode = "namespace").
{ config, lib, ... }:

let
  cfg = config.wsl;
  namespace = cfg.systemd.mode == "namespace";
in
{
  options.wsl.systemd.namespace = {
    timeout = lib.mkOption {
      type = lib.types.ints.between 1 3600;
      default = 90;
      example = 300;
      description = "Seconds that the first shell waits until systemd is ready. Then it opens all the same.";
    };

    privileges = lib.mkOption {
      type = lib.types.enum [
        "setuid"
        "root"
      ];
      default = "setuid";
      example = "root";
      description = ''
        Where the right to start and join systemd's namespace comes from.

        - `setuid`: {file}`/usr/lib/nixos-wsl/bin/nixos-wsl-enter` is setuid root. Every local user can start systemd with
          it and open a shell of their own beside it, and nothing else: it takes no decision from what its caller gives it.
        - `root`: WSL's default user is root, and root's shells become those of {option}`wsl.defaultUser`. There is no
          setuid program, but whatever does not go through a shell is root's: `wsl -e`, the files below
          {file}`\\wsl.localhost`, the owner of Windows drives without `uid=`. `wsl -u root` opens a shell of the default
          user as well; `sudo` leads to root.

        Anyone who can run {command}`wsl.exe` can be root in either case, by `wsl -u root -e`: the choice matters for
        other local users and for services.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && namespace) {
    # `runuser -l` opens the session of each shell: a runtime directory, the user's bus, logind.
    security.pam.services.runuser-l.startSession = true;

    # Else the user's services end ten seconds after the last shell.
    users.users = lib.mkIf (!cfg.distribution.oobe.askForUser) {
      ${cfg.defaultUser}.linger = lib.mkDefault true;
    };

    # A shell that comes after `poweroff` waits for the next systemd; it must be told before the sessions of this one end.
    systemd.services.nixos-wsl-boot-complete.serviceConfig.ExecStop =
      config.systemd.services.nixos-wsl-boot-stop.serviceConfig.ExecStart;
    systemd.units."session-.scope" = {
      overrideStrategy = "asDropin";
      text = ''
        [Unit]
        Before=nixos-wsl-boot-complete.service
      '';
    };

    wsl.wslConf.user.default = lib.mkIf (cfg.systemd.namespace.privileges == "root") (
      lib.mkDefault "root"
    );
  };
}
