# The first shell waits for every job of a start (W§5.2): of the services that come after multi-user.target, only the one that
# records the start is waited for.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  waitedFor =
    system:
    lib.attrNames (
      lib.filterAttrs (
        _: service:
        service.enable
        && lib.elem "multi-user.target" service.wantedBy
        && lib.elem "multi-user.target" service.after
        && !lib.elem (service.serviceConfig.Type or "simple") [
          "exec"
          "idle"
          "simple"
        ]
      ) system.config.systemd.services
    );

  expected = [ "nixos-wsl-boot-complete" ];
in
lib'.decide "first-shell" (
  lib.concatLists (
    lib.mapAttrsToList (
      name: system:
      lib'.expect (
        waitedFor system == expected
      ) "${name}: the first shell waits for ${toString (waitedFor system)}"
    ) { inherit (lib'.systems) default everything; }
  )
)
