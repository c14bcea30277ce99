# wsl.useWindowsDriver: the GPU, by the libraries that Windows mounts at /usr/lib/wsl/lib.
#
# Which files are there depends on the Windows driver, so the links are made at each start from what is there, beside
# those of Mesa, and NixOS's programs find them all in /run/opengl-driver.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:

let
  cfg = config.wsl;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  graphics = config.hardware.graphics;
  drivers = pkgs.buildEnv {
    name = "graphics-drivers";
    # Those of Windows come at each start, from what is there.
    paths = [ graphics.package ] ++ lib.filter (package: package != cfg.wslLib) graphics.extraPackages;
  };
  farm = "/run/nixos-wsl/graphics";
in
{
  options.wsl = {
    useWindowsDriver = lib.mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether programs use the GPU through the driver of Windows: OpenGL, Vulkan, CUDA, video. On a machine without
        one they draw with the processor, as without this.
      '';
    };

    wslLibExtraLinks = lib.mkOption {
      type = types.listOf (formed "/.+" "absolute path");
      default = [ ];
      example = [ "/usr/lib/wsl/drivers/mydriver/libextra.so" ];
      description = "Further libraries of Windows to link to, outside {file}`/usr/lib/wsl/lib`, which is taken as a whole.";
    };

    wslLib = lib.mkOption {
      type = types.package;
      default = pkgs.linkFarm "wsl-lib" (
        lib.listToAttrs (
          map (path: lib.nameValuePair "lib/${baseNameOf path}" path) (
            map (name: "/usr/lib/wsl/lib/${name}") (import ./data/wsl-libs.nix) ++ cfg.wslLibExtraLinks
          )
        )
      );
      defaultText = lib.literalMD "links to the files of Windows that are known by name";
      description = ''
        The libraries of Windows as a package, for search paths made beforehand, such as
        {option}`programs.nix-ld.libraries`. A link whose file the driver does not bring leads nowhere.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && cfg.useWindowsDriver) {
    hardware.graphics.enable = true;
    # The Direct3D libraries of Windows load it by name.
    hardware.graphics.extraPackages = [
      (lib.getLib pkgs.openssl)
      cfg.wslLib
    ];
    programs.nix-ld.libraries = lib.mkIf config.programs.nix-ld.enable [ cfg.wslLib ];

    systemd.tmpfiles.settings.graphics-driver."/run/opengl-driver"."L+".argument = lib.mkForce farm;

    systemd.services.nixos-wsl-graphics = {
      description = "Links to the graphics drivers of Windows";
      wantedBy = [ "sysinit.target" ];
      before = [ "sysinit.target" ];
      unitConfig.DefaultDependencies = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = utils.escapeSystemdExecArgs (
          [
            (lib.getExe cfg.programs.nixos-wsl)
            "link-drivers"
            "--drivers"
            drivers
            "--windows"
            "/usr/lib/wsl/lib"
          ]
          ++ lib.concatMap (path: [
            "--also"
            path
          ]) cfg.wslLibExtraLinks
          ++ [ farm ]
        );
      };
    };

    # Mesa's driver for Direct3D, where there is one to talk to.
    environment.extraInit = ''
      if [ -e /dev/dxg ]; then
        export GALLIUM_DRIVER="''${GALLIUM_DRIVER-d3d12}"
      fi
    '';
  };
}
