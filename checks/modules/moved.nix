# What a configuration for NixOS-WSL may say, and this project once refused or lost: each evaluates to an image without a
# failed assertion, acts as it does there, and what cannot act says so in one warning.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  inherit (lib') expect;
  plain = builtins.unsafeDiscardStringContext;

  # WSL's own keys, names that a Windows user has, programs under names that are taken, shells as packages, a filter of
  # packets by nftables, Windows' driver, a script of the user's after one of NixOS-WSL's: one system, since each costs seconds.
  moved = lib'.wsl [
    {
      networking.hostName = "my_host";
      networking.nameservers = [ "192.0.2.1" ];
      networking.nftables.enable = true;
      programs.nix-ld.enable = true;
      programs.fish.enable = true;
      users.users = {
        wget.isNormalUser = true;
        "Jane.Doe".shell = pkgs.fish;
        bob = {
          isNormalUser = true;
          shell = "/run/current-system/sw/bin/fish";
        };
      };
      system.activationScripts = lib.genAttrs [ "mine" "other" ] (_: {
        text = "true";
        deps = [
          "binsh"
          "copy-launchers"
          "createBootedSystemSymlink"
          "createSbin"
          "populateBin"
          "setupLogin"
          "shimSystemd"
        ];
      });
      wsl = {
        defaultUser = "Jane.Doe";
        wslConf.interop.appendWindowsPath = false;
        wslConf.network.hostname = "my_host";
        wslConf.network.generateResolvConf = false;
        wrapBinSh = true;
        docker-desktop.enable = true;
        useWindowsDriver = true;
        usbip.enable = true;
        usbip.snippetIpAddress = "$(ip route show default | cut -d' ' -f3)";
        extraBin = [
          { src = "${pkgs.wget}/bin/wget"; }
          { src = "${pkgs.wget}/bin/wget"; }
          { src = "${pkgs.coreutils}/bin/cat"; }
          { src = "${pkgs.shadow}/bin/groupadd"; }
          {
            src = "${pkgs.hello}/bin/hello";
            name = "usermod";
          }
          {
            src = "${pkgs.wget}/bin/wget";
            name = "fetch";
          }
          {
            src = "${pkgs.curl}/bin/curl";
            name = "fetch";
          }
          {
            src = "/init";
            name = "wslpath";
          }
          {
            src = "${pkgs.dash}/bin/dash";
            name = "sh";
          }
        ];
      };
    }
  ];
  conf = moved.config.wsl.files.wslConf;
  session = builtins.fromJSON (plain moved.config.wsl.files.session);
  wrapperOf = user: "/usr/lib/nixos-wsl/shells/${user}/fish";
  # As each module of nixpkgs that writes shells into /etc/passwd finds it.
  shellOf = user: moved._module.args.utils.toShellPath moved.config.users.users.${user}.shell;

  # A shell that nothing enables, a filter by iptables, nothing that asks for a device.
  refused = lib'.wsl [
    {
      users.users.nixos.shell = pkgs.zsh;
      networking.firewall.enable = true;
    }
  ];
  masked =
    system: name:
    lib.elem name system.config.systemd.suppressedSystemUnits
    || !(system.config.systemd.units.${name}.enable or true);
  inherit (lib'.systems) everything;
  inherit (refused.config.system.activationScripts) specialfs;

  # Whatever a case tells, the others are told as well.
  tell =
    what: failures:
    let
      result = builtins.tryEval (builtins.deepSeq failures failures);
    in
    map (failure: "${what}: ${failure}") (
      if result.success then result.value else [ "does not evaluate" ]
    );
  image = system: expect (lib.isString system.config.system.build.tarball.drvPath) "no image";
  warnings =
    system: pieces:
    lib.concatMap (
      piece:
      expect (
        lib.count (lib.hasInfix piece) system.config.warnings == 1
      ) "not one warning says ‘${piece}’"
    ) pieces
    ++ expect (
      lib.length system.config.warnings == lib.length pieces
    ) "other warnings: ${lib.concatStrings system.config.warnings}";
in
lib'.decide "moved" (
  lib.concatLists [
    (tell "moved" (lib'.failedAssertions moved))
    (tell "moved" (image moved))
    (tell "moved" (
      warnings moved [
        "usermod"
        "fetch"
        "/bin/sh"
        "leaves out underscores"
        "wsl.usbip.snippetIpAddress"
      ]
    ))
    (tell "appendWindowsPath" (
      expect (lib.hasInfix "appendWindowsPath=false" (
        lib.replaceStrings [ " " ] [ "" ] conf
      )) "not in wsl.conf"
      ++ expect (session.windowsPath == "none") "the wrapper still adds folders of Windows"
    ))
    (tell "hostname" (
      expect (lib.hasInfix "hostname=my_host" (lib.replaceStrings [ " " ] [ "" ] conf)) "not in wsl.conf"
    ))
    (tell "extraBin" (
      expect (lib.hasInfix "hello" moved.config.wsl.bin.usermod.target) "the user's does not win over Docker Desktop's"
      ++ expect (lib.hasInfix "curl" moved.config.wsl.bin.fetch.target) "the last one does not win"
      ++ expect (lib.hasInfix "wget" moved.config.wsl.bin.wget.target) "equal ones do not merge"
      ++ expect (!(moved.config.wsl.bin ? sh)) "/bin/sh is replaced"
    ))
    (tell "shell" (
      expect (moved.config.users.users."Jane.Doe".shell == pkgs.fish) "a package no longer reads as one"
      ++ expect (shellOf "Jane.Doe" == wrapperOf "Jane.Doe") "activation writes no wrapper for a package"
      ++ expect (shellOf "bob" == wrapperOf "bob") "activation writes no wrapper for a path"
    ))
    (tell "graphics" (
      expect (lib.elem moved.config.wsl.wslLib moved.config.hardware.graphics.extraPackages) "the driver of Windows is not in hardware.graphics.extraPackages"
      ++ expect (lib.elem moved.config.wsl.wslLib moved.config.programs.nix-ld.libraries) "the driver of Windows is not in programs.nix-ld.libraries"
    ))
    (tell "nftables" (
      expect moved.config.networking.firewall.enable "networking.firewall is lost"
      ++ expect (moved.config.systemd.services ? nftables) "no service"
    ))
    (tell "zsh" (
      expect (lib.any (lib.hasInfix "programs.zsh.enable") (lib'.failedAssertions refused)) "a shell without its module passes"
    ))
    (tell "firewall" (
      expect (!refused.config.systemd.services.firewall.enable) "iptables is started"
      ++ warnings refused [ "networking.firewall.enable" ]
    ))
    (tell "devices" (
      lib.concatMap (unit: expect (masked refused unit) "${unit} is started") [
        "dev-hugepages.mount"
        "logrotate-checkconf.service"
        "modprobe@.service"
        "systemd-udev-trigger.service"
        "systemd-udevd-control.socket"
        "systemd-udevd-kernel.socket"
        "systemd-udevd-varlink.socket"
        "systemd-udevd.service"
      ]
      ++ expect (!(refused.config.systemd.timers ? fstrim)) "fstrim.timer is started"
      ++ expect (
        !masked everything "systemd-udevd.service" && !masked everything "modprobe@.service"
      ) "a configuration that asks for udev has none"
    ))
    (tell "mounts" (
      expect (
        !lib.hasInfix "remount" (specialfs.text or specialfs)
      ) "activation mounts again what WSL has mounted"
    ))
  ]
)
