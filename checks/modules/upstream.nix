# A configuration for NixOS-WSL moves over: each of its options is here or says what to write instead, and what it fixes
# is fixed here too, each by its own name.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  inherit (lib'.default) config options;

  kept = [
    "defaultUser"
    "docker-desktop.enable"
    "enable"
    "extraBin"
    "interop.includePath"
    "interop.register"
    "populateBin"
    "binShExe"
    "binShPkg"
    "wrapBinSh"
    "ssh-agent.enable"
    "ssh-agent.package"
    "ssh-agent.users"
    "startMenuLaunchers"
    "usbip.autoAttach"
    "usbip.enable"
    "usbip.snippetIpAddress"
    "useWindowsDriver"
    "version.release"
    "version.rev"
    "wslConf"
    "wslLib"
    "wslLibExtraLinks"
  ];
  keys = [
    "automount.enabled"
    "automount.ldconfig"
    "automount.mountFsTab"
    "automount.options"
    "automount.root"
    "boot.command"
    "boot.initTimeout"
    "boot.systemd"
    "interop.appendWindowsPath"
    "interop.enabled"
    "network.generateHosts"
    "network.generateResolvConf"
    "network.hostname"
    "user.default"
  ];
  # Under another name, with a warning that gives it.
  inherit (lib'.systems) former;
  # Gone: refusals.nix reads three of the sentences.
  removed = [
    "compatibility.interopPreserveArgvZero"
    "docker-native"
    "extraTarballConfig"
    "interop.preserveArgvZero"
    "nativeSystemd"
    "tarball.includeConfig"
    "version.systemd"
    "wslgMountX11"
  ];
  has = name: lib.hasAttrByPath (lib.splitString "." name) options.wsl;
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
  lacks (kept ++ removed)
  ++ map (key: "wsl.wslConf.${key} is unknown") (
    lib.filter (key: !lib.hasAttrByPath (lib.splitString "." key) config.wsl.wslConf) keys
  )
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
