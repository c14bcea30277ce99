# Contradictory settings fail at evaluation, with a sentence that says what to write, and those without effect warn.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  # Settings, by a piece of the sentence that refuses them or warns. Three systems are enough for all.
  asserted = {
    "system.etc.overlay.enable cannot".system.etc.overlay.enable = true;
    "system.nixos-init.enable cannot".system.nixos-init.enable = true;
    "must be ASCII".wsl.wslConf.boot.command = "echo grüezi";
    "must be letters and digits".wsl.wslConf.network.generate-hosts = false;
    "wsl.systemd.mode = \"namespace\"".wsl.wslConf.boot.systemd = false;
    "wsl.wslConf.user.default = \"root\"".wsl.defaultUser = "root";
    "wsl.interop.programs takes absolute".wsl.interop.programs.clip = "clip.exe";
    "wsl.ssh-agent.users names users".wsl.ssh-agent = {
      enable = true;
      users = [ "nobody-knows" ];
    };
    "exactly one of source, text and target for /etc/empty".wsl.image.files."/etc/empty" = { };
    "for /etc/foreign".wsl.image.files."/etc/foreign" = {
      text = "";
      user = "systemd-oom";
    };
    "cannot put files into /nix/store".wsl.image.files."/nix/store/x".text = "";
    "needs a list ‘profiles’".wsl.distribution.terminal.profile.font = "x";
    "wsl.keepRunning.units starts wsl.exe" = {
      wsl.keepRunning.units = [ "sshd.service" ];
      wsl.wslConf.interop.enabled = false;
    };
    "wsl.certificates.fromWindows asks Windows".wsl.certificates.fromWindows = true;
    "wsl.proxy.fromWindows asks Windows".wsl.proxy.fromWindows = true;
    "both name a proxy".networking.proxy.default = "http://proxy:3128";
    "Docker needs nothing special any more".wsl.docker-native.enable = true;
    "wsl.systemd.mode = \"namespace\" is for a WSL".wsl.nativeSystemd = true;
    "argv[0] is always kept".wsl.interop.preserveArgvZero = true;
  };
  # Beside those that warn.
  container = {
    "names users after their attribute" = {
      systemd.sysusers.enable = true;
      users.users.nixos.name = "alice";
    };
  };

  # A first start that cannot do what it is for.
  firstRun = {
    "a user without a number gets the one" = {
      wsl.distribution.oobe.askForUser = true;
      users.users.colleague.isNormalUser = true;
    };
    "wsl.defaultUser names the user, so the first start".wsl.defaultUser = "alice";
    "set wsl.distribution.oobe.command to null".wsl.distribution.oobe.command =
      pkgs.writeText "first" "";
    "which users.mutableUsers = false forbids".users.mutableUsers = false;
  };

  # Settings that do nothing, and a piece of the warning.
  warned = {
    "networking.extraHosts has no effect".networking.extraHosts = "192.0.2.1 printer";
    "networking.hosts has no effect (192.0.2.1)".networking.hosts."192.0.2.1" = [ "printer" ];
    "services.resolved is enabled".services.resolved.enable = true;
    "networking.nameservers has no effect".networking.nameservers = [ "192.0.2.1" ];
    "is not networking.hostName".wsl.wslConf.network.hostname = "other";
    "both set the time zone" = {
      time.timeZone = "Europe/Zurich";
      wsl.wslConf.time.useWindowsTimezone = true;
    };
    "table of binary formats" = {
      wsl.wslConf.boot.protectBinfmt = false;
      boot.binfmt.emulatedSystems = [
        (if pkgs.stdenv.hostPlatform.isx86_64 then "aarch64-linux" else "x86_64-linux")
      ];
    };
    "cannot be read by others in the distribution".wsl.image.files."/etc/secret" = {
      text = "";
      mode = "0600";
    };
  };
  unresolved."nothing else names a server".wsl.wslConf.network.generateResolvConf = false;

  says = sentences: piece: lib.any (lib.hasInfix piece) sentences;
  unsaid =
    what: sentences: cases:
    map (piece: "no ${what} says ‘${piece}’") (
      lib.filter (piece: !says sentences piece) (lib.attrNames cases)
    );
  wslWith = modules: lib'.wsl (lib.flatten modules);

  contradictory = wslWith [
    (lib.attrValues asserted)
    (lib.attrValues unresolved)
  ];
  ineffective = wslWith [
    (lib.attrValues container)
    (lib.attrValues warned)
  ];
in
lib'.decide "refusals" (
  unsaid "assertion" (lib'.failedAssertions contradictory) asserted
  ++ unsaid "assertion" (lib'.failedAssertions ineffective) container
  ++ unsaid "assertion" (lib'.failedAssertions (wslWith (lib.attrValues firstRun))) firstRun
  ++ unsaid "warning" ineffective.config.warnings warned
  ++ unsaid "warning" contradictory.config.warnings unresolved
)
