# A configuration for NixOS-WSL moves over: each of its options is here or says what to write instead, and what it fixes
# is fixed here too, each by its own name.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;
  inherit (lib'.default) config options;

  names = import ./upstream-options.nix;

  inherit (inputs.self.packages.${pkgs.stdenv.hostPlatform.system}.docs) upstreamTable;

  # Under another name, with a warning that gives it.
  inherit (lib'.systems) former;
  # A key of wsl.conf is a value of a free form, the others are options.
  has =
    name:
    lib.hasAttrByPath (lib.splitString "." name) (
      if lib.hasPrefix "wslConf." name then config.wsl else options.wsl
    );
  lacks = names: map (name: "wsl.${name} is unknown") (lib.filter (name: !has name) names);

  off = {
    "boot.initrd.enable" = config.boot.initrd.enable;
    "boot.kernel.enable" = config.boot.kernel.enable;
    "boot.loader.grub.enable" = config.boot.loader.grub.enable;
    "boot.modprobeConfig.enable" = config.boot.modprobeConfig.enable;
    "console.enable" = config.console.enable;
    "networking.dhcpcd.enable" = config.networking.dhcpcd.enable;
    "powerManagement.enable" = config.powerManagement.enable;
    "security.sudo.wheelNeedsPassword" = config.security.sudo.wheelNeedsPassword;
    "services.timesyncd.enable" = config.services.timesyncd.enable;
    "services.udev.enable" = config.services.udev.enable;
    "systemd.enableEmergencyMode" = config.systemd.enableEmergencyMode;
    "systemd.oomd.enable" = config.systemd.oomd.enable;
    "systemd.services.firewall.enable" = config.systemd.services.firewall.enable;
    # It would turn off more than is named here.
    "boot.isContainer" = config.boot.isContainer;
  };
in
lib'.decide "upstream" (
  lacks (lib.concatMap lib.attrNames (lib.attrValues names) ++ lib.attrValues names.alias)
  ++ lib'.expect (lib.hasInfix upstreamTable (builtins.readFile ../../docs/coming-from-nixos-wsl.md)) "the table in docs/coming-from-nixos-wsl.md is out of date"
  ++ map (name: "${name} is not off") (lib.attrNames (lib.filterAttrs (_: value: value) off))
  ++ lib'.expect config.hardware.graphics.enable "graphics are on"
  ++ lib'.expect (lib.hasSuffix "/bin/nixos-wsl prepare-start" config.system.build.installBootLoader) "the boot loader's installer is ours"
  ++ lib'.expect (config.system.activationScripts ? bootedSystem) "/run/booted-system is made"
  ++ lib'.expect (lib.elem "root" config.users.users.root.extraGroups) "root has a supplementary group"
  ++ lib'.expect (
    former.config.wsl.wslConf.automount.root == "/drives"
    && former.config.wsl.wslConf.automount.options == "metadata"
  ) "automountPath and automountOptions move over"
  ++ lib'.expect former.config.wsl.docker-desktop.enable "wsl.docker moves over"
  ++ lib'.expect (
    (lib'.entriesOf former)."/etc/nixos".type == "tree"
  ) "a configuration of one's own is copied whole, also by its former name"
  ++ lib'.expect (former.config.wsl.usbip.host == "192.0.2.1") "usbip.snippetIpAddress moves over"
  ++ lib'.expect (
    lib.length former.config.warnings == 5
  ) "each former name has a warning: ${toString former.config.warnings}"
)
