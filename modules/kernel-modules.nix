# wsl.kernelModules: modules of the kernel that WSL brings.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (import ./lib/types.nix { inherit lib; }) formed;
  modules = config.wsl.kernelModules;
in
{
  options.wsl.kernelModules = lib.mkOption {
    type = lib.types.listOf (
      formed "[A-Za-z0-9_-]+" "name of a kernel module: letters, digits, dashes and underscores"
    );
    default = [ ];
    example = [ "vhci-hcd" ];
    description = ''
      Modules to load at each start, from those that WSL mounts at {file}`/lib/modules`.

      This stands in for {option}`boot.kernelModules`, which belongs to a kernel that NixOS would bring itself. A module
      that the running kernel does not have is passed over.
    '';
  };

  config = lib.mkIf config.wsl.enable (
    lib.mkMerge [
      (lib.mkIf (modules != [ ]) {
        environment.etc."modules-load.d/nixos-wsl.conf".text = lib.concatLines (lib.unique modules);

        systemd.services.systemd-modules-load = {
          wantedBy = [ "multi-user.target" ];
          restartTriggers = [ config.environment.etc."modules-load.d/nixos-wsl.conf".source ];
          serviceConfig.SuccessExitStatus = "0 1";
        };

        environment.systemPackages = [ pkgs.kmod ];
      })
    ]
  );
}
