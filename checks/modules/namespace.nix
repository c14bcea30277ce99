# wsl.systemd.mode = "namespace": the privileged program and the session are there, in native mode they are not.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  helper = "/usr/lib/nixos-wsl/bin/nixos-wsl-enter";

  native = lib'.systems.default;
  setuid = lib'.systems.envfs;
  root = lib'.systems.former;

  modeOf = system: (lib'.entriesOf system).${helper}.mode or null;
  # What the activation keeps in the program's folder: in native mode nothing, so that a switch removes it.
  sessionOf = system: system.config.security.pam.services.runuser-l.startSession;
  wslConf = system: (lib'.entriesOf system)."/etc/wsl.conf".text;
in
lib'.decide "namespace" (
  lib'.expect (modeOf native == null && !sessionOf native) "native mode has no privileged program"
  ++ lib'.expect (modeOf setuid == "4755") "the program is setuid by default"
  ++ lib'.expect (modeOf root == "0755") "the program is not setuid where WSL's default user is root"
  ++ lib'.expect (sessionOf setuid && sessionOf root) "runuser-l opens a login session"
  ++ lib'.expect setuid.config.users.users.nixos.linger "the default user's services outlive the shells"
  ++ lib'.expect (
    lib.hasInfix "Before=nixos-wsl-boot-complete.service"
      setuid.config.systemd.units."session-.scope".text
    && lib.hasInfix "--stopping" setuid.config.systemd.services.nixos-wsl-boot-complete.serviceConfig.ExecStop
  ) "a stop is noted before the sessions end"
  ++ lib'.expect (lib.hasInfix "systemd=false" (
    lib.replaceStrings [ " " ] [ "" ] (wslConf setuid)
  )) "WSL starts no systemd"
  ++ lib'.expect (lib.hasInfix "default=nixos" (
    lib.replaceStrings [ " " ] [ "" ] (wslConf setuid)
  )) "WSL's default user stays the user"
  ++ lib'.expect (lib.hasInfix "default=root" (
    lib.replaceStrings [ " " ] [ "" ] (wslConf root)
  )) "WSL's default user is root if so chosen"
  ++ lib'.expect (lib.all (system: lib'.failedAssertions system == [ ]) [
    setuid
    root
  ]) "no assertion fails"
)
