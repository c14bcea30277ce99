# wsl.interop: Windows programs, their registration and the Windows part of PATH.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.interop;
  root = config.wsl.wslConf.automount.root;
  # Whether WSL gives any folder of Windows.
  appended = config.wsl.wslConf.interop.appendWindowsPath;
  inherit (lib) types;

  binfmtFiles = map (name: "/etc/${name}") (
    lib.filter (lib.hasPrefix "binfmt.d/") (lib.attrNames config.environment.etc)
  );
in
{
  imports = [
    (lib.mkRemovedOptionModule [
      "wsl"
      "interop"
      "preserveArgvZero"
    ] "argv[0] is always kept, as WSL itself registers Windows programs.")
    (lib.mkRemovedOptionModule [
      "wsl"
      "compatibility"
      "interopPreserveArgvZero"
    ] "argv[0] is always kept, as WSL itself registers Windows programs.")
  ];

  options.wsl.interop = {
    register = lib.mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to register Windows programs with the kernel at each start.

        WSL does so itself and locks the table, so this is needed only where something else removes the entry: the
        table is shared by all distributions.
      '';
    };

    includePath = lib.mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether `PATH` keeps the Windows directories. {option}`wsl.interop.windowsPath` can also choose among them.
      '';
    };

    windowsPath = lib.mkOption {
      type = types.either (types.enum [
        "all"
        "none"
      ]) (types.listOf types.str);
      default = if cfg.includePath && appended then "all" else "none";
      defaultText = lib.literalMD "`\"all\"`, or `\"none\"` where {option}`wsl.interop.includePath` or {option}`wsl.wslConf.interop.appendWindowsPath` is off";
      example = [
        "*/Microsoft VS Code/bin"
        "/mnt/c/Windows/System32"
      ];
      description = ''
        What of the Windows `PATH` a shell keeps: `"all"`, `"none"`, or the folders that match one of these patterns
        (`*` and `?`, in upper or lower case).

        Every folder kept costs time at each command that is not found and at each completion, because Windows drives
        are slow. All of them stay in `WSLPATH`.
      '';
    };

    programs = lib.mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = lib.literalExpression ''
        {
          explorer = "/mnt/c/Windows/explorer.exe";
          clip = "/mnt/c/Windows/System32/clip.exe";
        }
      '';
      description = ''
        Windows programs to have as commands, by name, wherever `PATH` leads: with
        {option}`wsl.interop.windowsPath` set to `"none"` these remain, at no cost.
      '';
    };
  };

  config = lib.mkIf config.wsl.enable {
    boot.binfmt.registrations.WSLInterop = lib.mkIf cfg.register {
      magicOrExtension = "MZ";
      interpreter = "/init";
      fixBinary = true;
      preserveArgvZero = true;
      wrapInterpreterInShell = false;
    };

    # Named files are added one by one; without names systemd-binfmt first empties the whole table, which WSL has
    # locked and which holds the entry for Windows programs (#1109 of NixOS-WSL).
    systemd.services.systemd-binfmt = lib.mkIf (config.boot.binfmt.registrations != { }) {
      serviceConfig = {
        ExecStart = [
          ""
          "${config.systemd.package}/lib/systemd/systemd-binfmt ${lib.escapeShellArgs binfmtFiles}"
        ];
        ExecStop = [ "" ];
      };
    };
    # WSL has it mounted before systemd starts.
    systemd.units."proc-sys-fs-binfmt_misc.automount" = lib.mkIf (
      config.boot.binfmt.registrations != { }
    ) { enable = false; };

    # The sandbox of every build names it, whether or not systemd-tmpfiles came that far.
    systemd.services.nix-daemon =
      lib.mkIf (config.nix.enable && config.boot.binfmt.emulatedSystems != [ ])
        {
          serviceConfig = {
            RuntimeDirectory = "binfmt";
            RuntimeDirectoryPreserve = true;
          };
        };

    environment.systemPackages = lib.mkIf (cfg.programs != { }) [
      (pkgs.linkFarm "windows-programs" (
        lib.mapAttrs' (name: target: lib.nameValuePair "bin/${name}" target) cfg.programs
      ))
    ];

    assertions = [
      {
        assertion = lib.all (lib.hasPrefix "/") (lib.attrValues cfg.programs);
        message = "wsl.interop.programs takes absolute Linux paths, for example ${lib.removeSuffix "/" root}/c/Windows/explorer.exe.";
      }
    ];
  };
}
