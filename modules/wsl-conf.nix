# wsl.wslConf: /etc/wsl.conf, which WSL reads before the distribution starts.
{
  config,
  lib,
  ...
}:

let
  cfg = config.wsl;
  conf = cfg.wslConf;
  ini = import ./lib/wsl-ini.nix { inherit lib; };

  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  key =
    type: default: description:
    lib.mkOption { inherit type default description; };
  # A key that NixOS has no opinion on: left out of the file, so that WSL's own default holds.
  optionalKey =
    type: description:
    lib.mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };
  # Nobody yet, where the first start makes the user.
  user =
    if cfg.distribution.oobe.askForUser then
      {
        name = "";
        uid = cfg.defaultUid;
        group = "users";
      }
    else
      config.users.users.${cfg.defaultUser};
  gid = config.users.groups.${user.group}.gid or null;
in
{
  options.wsl.wslConf = lib.mkOption {
    default = { };
    example = lib.literalExpression ''
      {
        automount.root = "/drives";
        boot.initTimeout = 20000;
        network.generateResolvConf = false;
      }
    '';
    description = ''
      Settings of {file}`/etc/wsl.conf`, by section and key. Every key that WSL knows is an option below; others are
      written as they are. `null` and `""` leave a key out.

      WSL reads the file when the distribution starts: run `wsl --terminate` for a change to take effect.
    '';
    type = types.submodule {
      freeformType = types.attrsOf (types.attrsOf ini.valueType);
      options = {
        automount.enabled = key types.bool true "Whether to mount the Windows drives.";
        automount.root = lib.mkOption {
          type = formed "/([^/]+(/[^/]+)*)?" "absolute path without a slash at the end, such as \"/mnt\"";
          default = "/mnt";
          example = "/";
          description = ''
            Directory below which Windows drives are mounted, without a slash at the end. WSL's own directories
            {file}`wsl` and {file}`wslg` are there too.
          '';
        };
        automount.options = lib.mkOption {
          type = types.commas;
          default = lib.concatStringsSep "," (
            [ "metadata" ]
            ++ lib.optional (user.uid != null) "uid=${toString user.uid}"
            ++ lib.optional (gid != null) "gid=${toString gid}"
          );
          defaultText = lib.literalExpression ''"metadata,uid=''${uid of wsl.defaultUser},gid=''${its group's gid}"'';
          example = "metadata,umask=22,fmask=11";
          description = ''
            Mount options of Windows drives, after WSL's own. The default lets Linux permissions be stored on them, and
            gives them to the default user.
          '';
        };
        automount.mountFsTab = key types.bool false ''
          Whether WSL runs `mount -a` before systemd. Off, because systemd mounts what {option}`fileSystems` lists.
        '';
        automount.ldconfig = key types.bool false ''
          Whether WSL runs {file}`/sbin/ldconfig` for the GPU libraries. Off, because NixOS has no linker cache: use
          {option}`wsl.useWindowsDriver`.
        '';
        automount.cgroups =
          optionalKey
            (types.enum [
              "v1"
              "v2"
            ])
            "Which control groups to mount: `v2` (WSL's default) or `v1`, which current systemd does not take.";

        boot.systemd = lib.mkOption {
          type = types.bool;
          default = cfg.systemd.mode == "native";
          defaultText = lib.literalExpression ''config.wsl.systemd.mode == "native"'';
          description = "Whether WSL starts {file}`/sbin/init`. Choose by {option}`wsl.systemd.mode`.";
        };
        boot.command = key types.str "" ''
          Command that WSL runs as root when the distribution starts, before systemd and without waiting for it. A
          systemd service is nearly always the better place.
        '';
        boot.initTimeout = lib.mkOption {
          type = types.nullOr (types.ints.between 0 60000);
          default = null;
          example = 30000;
          description = ''
            Milliseconds that WSL waits for systemd to be ready, for a user's session, and for a shutdown to end.
            `null` is WSL's own 10000; `0` waits for nothing and makes a shutdown abrupt; WSL gives up at 60000.
          '';
        };
        boot.protectBinfmt = optionalKey types.bool ''
          Whether WSL locks the table of binary formats against being emptied. `null` is WSL's own `true`.
        '';

        interop.enabled = key types.bool true "Whether Windows programs can be started from Linux.";
        interop.appendWindowsPath = key types.bool true ''
          Whether WSL appends the Windows `PATH`. {option}`wsl.interop.windowsPath` chooses what of it stays.
        '';

        network.generateHosts = key types.bool true ''
          Whether WSL writes {file}`/etc/hosts`. {option}`networking.hosts` has an effect only without.
        '';
        network.generateResolvConf = key types.bool true ''
          Whether WSL writes {file}`/etc/resolv.conf`. {option}`networking.nameservers` and resolved need it off.
        '';
        network.hostname = lib.mkOption {
          type = formed "[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?|" "host name of at most 64 letters, digits, dots, dashes and underscores, or an empty string";
          default = config.networking.hostName;
          defaultText = lib.literalExpression "config.networking.hostName";
          description = ''
            Host name of the distribution. The default keeps WSL and NixOS in step; `""` takes the Windows name.
          '';
        };

        time.useWindowsTimezone = lib.mkOption {
          type = types.bool;
          default = config.time.timeZone == null;
          defaultText = lib.literalExpression "config.time.timeZone == null";
          description = "Whether the time zone follows Windows. By default it does unless {option}`time.timeZone` is set.";
        };

        user.default = lib.mkOption {
          type = types.str;
          default = user.name;
          defaultText = lib.literalExpression "config.users.users.\${config.wsl.defaultUser}.name";
          description = "Name of the user that WSL opens shells for. Choose by {option}`wsl.defaultUser`.";
        };

        gpu.enabled = optionalKey types.bool ''
          Whether WSL mounts the GPU drivers of Windows at {file}`/usr/lib/wsl`. `null` is WSL's own `true`.
        '';
        gpu.appendLibPath = optionalKey types.bool ''
          Whether WSL appends {file}`/usr/lib/wsl/lib`, with tools such as `nvidia-smi`, to `PATH`. `null` is WSL's own
          `true`.
        '';
        general.guiApplications = optionalKey types.bool ''
          Whether this distribution gets WSLg, the display and sound of Windows. `null` leaves it to the user's
          {file}`.wslconfig`.
        '';
        filesystem.umask = lib.mkOption {
          type = types.nullOr (types.ints.between 0 511);
          default = null;
          example = 63;
          description = ''
            Mask of the permissions of new files, as a decimal number: 18 is 0022, 63 is 0077. `null` is WSL's own
            0022.
          '';
        };
        fileServer.enabled = optionalKey types.bool ''
          Whether Windows can open the distribution's files at {file}`\\wsl.localhost`. `null` is WSL's own `true`.
        '';
        fileServer.logFile = optionalKey (formed "/.+" "absolute path") "File that the server of {file}`\\wsl.localhost` logs to.";
        fileServer.logLevel = optionalKey types.int "How much that server logs.";
        fileServer.logTruncate = optionalKey types.bool "Whether that server starts its log anew each time.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    wsl.files.wslConf = ini.toText conf;

    # A regular file: WSL also reads it from outside the distribution, where a link into the store leads nowhere (W§4.1).
    environment.etc."wsl.conf" = {
      text = cfg.files.wslConf;
      mode = "0644";
    };

    # What WSL writes itself must not be a link into the store, or WSL would write into the store (W§11.2).
    environment.etc.hosts = lib.mkIf conf.network.generateHosts { enable = false; };
    environment.etc."resolv.conf" = lib.mkIf conf.network.generateResolvConf { enable = false; };
    environment.etc.hostname.enable = false;
    networking.resolvconf.enable = lib.mkIf conf.network.generateResolvConf (lib.mkDefault false);

    assertions =
      map (message: {
        assertion = false;
        inherit message;
      }) (ini.problems "wsl.wslConf" conf)
      ++ [
        {
          assertion = conf.boot.systemd == (cfg.systemd.mode == "native");
          message = ''
            wsl.wslConf.boot.systemd contradicts wsl.systemd.mode. Leave the former alone and set
              wsl.systemd.mode = "${if conf.boot.systemd then "native" else "namespace"}";
          '';
        }
        {
          assertion = config.users.users ? ${cfg.defaultUser} -> conf.user.default != "";
          message = "wsl.wslConf.user.default is empty, so WSL would open shells as root. Set wsl.defaultUser instead.";
        }
      ];

    warnings =
      let
        network = conf.network;
        # What nixpkgs itself puts there for the host's own name is no setting of the user's.
        ownNames = [
          "127.0.0.1"
          "127.0.0.2"
          "::1"
        ];
        userHosts = lib.filter (address: !lib.elem address ownNames) (
          lib.attrNames (lib.filterAttrs (_: names: names != [ ]) config.networking.hosts)
        );
      in
      lib.optional (network.generateHosts && config.networking.extraHosts != "") ''
        networking.extraHosts has no effect: WSL writes /etc/hosts. Set wsl.wslConf.network.generateHosts = false to use it.
      ''
      ++ lib.optional (network.generateHosts && userHosts != [ ]) ''
        networking.hosts has no effect (${lib.concatStringsSep ", " userHosts}): WSL writes /etc/hosts. Set wsl.wslConf.network.generateHosts = false to use it.
      ''
      ++ lib.optional (network.generateResolvConf && config.services.resolved.enable) ''
        services.resolved is enabled, but WSL writes /etc/resolv.conf. Set wsl.wslConf.network.generateResolvConf = false to use it.
      ''
      ++ lib.optional (network.generateResolvConf && config.networking.nameservers != [ ]) ''
        networking.nameservers has no effect: WSL writes /etc/resolv.conf. Set wsl.wslConf.network.generateResolvConf = false to use it.
      ''
      ++
        lib.optional
          (
            !network.generateResolvConf
            && config.networking.nameservers == [ ]
            && !config.services.resolved.enable
            && !(
              config.environment.etc ? "resolv.conf" && config.environment.etc."resolv.conf".text or null != null
            )
          )
          ''
            wsl.wslConf.network.generateResolvConf is off and nothing else names a server: no host name can be looked up. Set networking.nameservers or services.resolved.enable.
          ''
      ++ lib.optional (network.hostname != "" && network.hostname != config.networking.hostName) ''
        wsl.wslConf.network.hostname (${network.hostname}) is not networking.hostName (${config.networking.hostName}). WSL gives the host the former, and nixos-rebuild looks for a flake's configuration of that name. Set networking.hostName alone.
      ''
      ++ lib.optional (lib.hasInfix "_" network.hostname) ''
        wsl.wslConf.network.hostname (${network.hostname}): WSL leaves out underscores, and nixos-rebuild looks for a flake's configuration of the name without. Use dashes.
      ''
      ++ lib.optional (conf.time.useWindowsTimezone && config.time.timeZone != null) ''
        time.timeZone and wsl.wslConf.time.useWindowsTimezone both set the time zone, and WSL's is the last word. Remove one of them.
      ''
      ++
        lib.optional
          (
            conf.boot.protectBinfmt == false && config.boot.binfmt.registrations != { } && !cfg.interop.register
          )
          ''
            wsl.wslConf.boot.protectBinfmt is off, so another distribution may empty the kernel's table of binary formats. Set wsl.interop.register = true to have Windows programs registered again at each start.
          '';
  };
}
