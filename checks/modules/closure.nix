# The closure budget, as far as the evaluation knows it: nothing asks for a kernel, firmware or udev's database, and the
# build of the image does not need them either.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  inherit (lib'.systems.default) config;
in
lib'.decide "closure" (
  lib'.expect (!config.boot.kernel.enable && !config.boot.initrd.enable) "no kernel, no initrd"
  ++ lib'.expect (config.hardware.firmware.passthru.paths or [ ] == [ ]) "no firmware"
  ++ lib'.expect (!(config.environment.etc ? "udev/hwdb.bin")) "no database of udev's"
  ++ lib'.expect (
    !config.environment.etc."sysctl.d/55-nixos-aslr-entropy.conf".enable
  ) "no numbers from a kernel's configuration"
  ++ lib'.expect (
    !lib.any (
      package:
      lib.elem (lib.getName package) [
        "kexec-tools"
        "lvm2"
      ]
    ) config.environment.systemPackages
  ) "no tools for machines of one's own"
)
