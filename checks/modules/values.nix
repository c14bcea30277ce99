# Wrong values fail at evaluation: each option of a form that not every string or number has refuses one that has it not,
# and its type says in words what to write.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  wrong.wsl = {
    certificates.folders = [ "certificates" ];
    boot.activationTimeout = 4;
    boot.loginWait = 61;
    boot.startTimeout = 0;
    compat = "all";
    defaultUid = 0;
    distribution.defaultName = "my NixOS";
    keepRunning.distribution = "my NixOS";
    keepRunning.units = [ "docker" ];
    distribution.oobe.command = "oobe";
    distribution.oobe.defaultUid = -1;
    distribution.shortcut.icon = "icon.ico";
    extraBin = [
      {
        src = "wget";
        name = "bin/wget";
      }
    ];
    image = {
      compressionLevel = 13;
      config = "channels";
      configPath = "nixos";
      fileName = "a/b.tar.gz";
      files.tool = {
        path = "/opt/../tool";
        source = "tool";
        mode = "rw-r--r--";
        user = -1;
        group = -1;
      };
      nixpkgsUrl = "nixos-unstable";
      projectUrl = "https://example.org";
    };
    interop.windowsPath = "some";
    kernelModules = [ "drivers/usb/vhci-hcd" ];
    ssh-agent.users = "@users";
    systemd.mode = "genie";
    systemd.namespace.privileges = "sudo";
    systemd.namespace.timeout = 0;
    usbip.autoAttach = [ "usb4" ];
    usbip.host = "$(host)";
    wslConf = {
      automount.cgroups = "v3";
      automount.root = "/mnt/";
      boot.initTimeout = 90000;
      boot.systemd = "yes";
      fileServer.logFile = "wsl.log";
      fileServer.logLevel = "info";
      filesystem.umask = 1022;
      network.hostname = "-x";
    };
    wslLibExtraLinks = [ "libextra.so" ];
  };
  inherit (lib'.wsl [ wrong ]) config;

  isRefused = value: !(builtins.tryEval (builtins.deepSeq value true)).success;

  # The settings above, one by one: each alone must be refused, wherever it is.
  leaves =
    path: value:
    if lib.isAttrs value then
      lib.concatLists (lib.mapAttrsToList (name: leaves (path ++ [ name ])) value)
    else if lib.isList value && lib.any lib.isAttrs value then
      lib.concatLists (lib.imap0 (index: leaves (path ++ [ index ])) value)
    else
      [ path ];
  valueAt = lib.foldl' (value: key: if lib.isInt key then lib.elemAt value key else value.${key});
  settings = leaves [ ] wrong.wsl;

  # Options whose type knows a form must be in the table.
  options = lib.filter (option: option.visible && !option.internal) (
    lib.optionAttrSetToDocList lib'.default.options.wsl
  );
  hasForm =
    option:
    lib.any (piece: lib.hasInfix piece option.type) [
      "absolute path"
      "between"
      "bus id"
      "address"
      "file name"
      "flake reference"
      "host name"
      "name of"
      "one of"
      "octal"
      "unsigned"
    ];
  # `wsl.extraBin.*.src` and `wsl.image.files.<name>.mode` are in the table at an index and a name.
  shown =
    path:
    lib.concatStringsSep "." (
      [ "wsl" ]
      ++ lib.imap0 (
        index: key:
        if lib.isInt key then
          "*"
        else if
          lib.take 2 path == [
            "image"
            "files"
          ]
          && index == 2
        then
          "<name>"
        else
          key
      ) path
    );
  missing = lib.subtractLists (map shown settings) (
    map (option: option.name) (lib.filter hasForm options)
  );
in
lib'.decide "values" (
  map (path: "${shown path} takes a wrong value") (
    lib.filter (path: !isRefused (valueAt config.wsl path)) settings
  )
  ++ map (name: "${name} is not tried with a wrong value") missing
  ++ map (option: "the type of ${option.name} shows a pattern: ${option.type}") (
    lib.filter (option: lib.hasInfix "matching the pattern" option.type) options
  )
)
