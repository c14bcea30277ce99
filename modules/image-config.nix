# wsl.image.config: the configuration that the image holds in /etc/nixos, and the sources that it is built from.
#
# Both are pinned to what the image was built from and come along, so that the first `nixos-rebuild switch` of an
# unchanged configuration has nothing to do and needs no network.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.image;
  inherit (config.wsl) sources;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;
  flakeReference = formed "github:[^/?]+/[^/?]+(/[^?]+)?|(git[+]|path:).+" "flake reference of the form github:OWNER/REPO, github:OWNER/REPO/BRANCH, git+URL or path:DIR";

  isFlake = cfg.config == "flake";

  # --- the flake ---------------------------------------------------------------------------------------------------

  flakeNix = ''
    {
      inputs = {
        nixpkgs.url = "${cfg.nixpkgsUrl}";
        nixos-wsl.url = "${projectUrl}";
        nixos-wsl.inputs.nixpkgs.follows = "nixpkgs";
      };

      outputs =
        { nixpkgs, nixos-wsl, ... }:
        let
          system = nixpkgs.lib.nixosSystem {
            system = "${pkgs.stdenv.hostPlatform.system}";
            modules = [
              nixos-wsl.nixosModules.default
              ./configuration.nix
            ];
          };
        in
        {
          # nixos-rebuild looks for the host's name, which is still the former one when a change of it is built.
          nixosConfigurations = {
            ${lib.strings.escapeNixIdentifier config.networking.hostName} = system;
          }
          // {
            ''${system.config.networking.hostName} = system;
          };
        };
    }
  '';

  projectUrl = if cfg.projectUrl == null then "path:${sources.self}" else cfg.projectUrl;

  # builtins.parseFlakeRef would do, but exists only where flakes are switched on.
  parseUrl =
    url:
    let
      github = builtins.match "github:([^/?]+)/([^/?]+)(/([^?]+))?" url;
      git = builtins.match "git[+](.+)" url;
    in
    if github != null then
      {
        type = "github";
        owner = lib.elemAt github 0;
        repo = lib.elemAt github 1;
      }
      // lib.optionalAttrs (lib.elemAt github 3 != null) { ref = lib.elemAt github 3; }
    else if git != null then
      {
        type = "git";
        url = lib.head git;
      }
    else
      {
        type = "path";
        path = lib.removePrefix "path:" url;
      };

  # What is in the store under the locked hash is read there, whatever the origin. Not as a `path`: that has no fingerprint
  # in Nix, so each evaluation would copy the whole tree (NixOS/nix#11228, #13927, #14041). A tarball has its hash for one.
  locked =
    {
      source,
      url ? null,
      pinned ? null,
    }:
    let
      origin = if url == null then { type = null; } else parseUrl url;
      known = lib.filterAttrs (_: value: value != null) {
        narHash = source.narHash or null;
        lastModified = source.lastModified or 1;
        rev = source.rev or null;
      };
    in
    if pinned != null && pinned.narHash == known.narHash or null then
      pinned
    else if origin.type == "github" && known ? rev then
      { inherit (origin) type owner repo; } // known
    else
      {
        type = "tarball";
        url = "file://${source}";
      }
      // known;

  projectLock = lib.importJSON ../flake.lock;
  flakeLock = {
    version = 7;
    root = "root";
    nodes = {
      root.inputs = {
        nixos-wsl = "nixos-wsl";
        nixpkgs = "nixpkgs";
      };
      nixpkgs = {
        locked = locked {
          source = sources.nixpkgs;
          url = cfg.nixpkgsUrl;
          pinned = projectLock.nodes.nixpkgs.locked;
        };
        original = parseUrl cfg.nixpkgsUrl;
      };
      nixos-wsl = {
        inputs = {
          crane = "crane";
          flake-compat = "flake-compat";
          nixpkgs = [ "nixpkgs" ];
        };
        locked = locked {
          source = sources.self;
          url = projectUrl;
        };
        original = parseUrl projectUrl;
      };
      crane = projectLock.nodes.crane // {
        locked = locked {
          source = sources.crane;
          pinned = projectLock.nodes.crane.locked;
        };
      };
      inherit (projectLock.nodes) flake-compat;
    };
  };

  # The first start writes the user's name into a file of its own, which is easier to replace than a part of one.
  asks = config.wsl.distribution.oobe.askForUser;
  oobe = import ../nix/oobe.nix;
  imports = lib.optional (!isFlake) "<nixos-wsl/modules>" ++ lib.optional asks "./user.nix";
  importsLine = lib.optionalString (imports != [ ]) (
    if lib.length imports == 1 then
      "  imports = [ ${lib.head imports} ];\n"
    else
      "  imports = [\n${lib.concatMapStrings (file: "    ${file}\n") imports}  ];\n"
  );

  # --- the configuration -------------------------------------------------------------------------------------------

  configurationNix = ''
    # This file describes the whole system. Change it, then run `sudo nixos-rebuild switch`.
    #
    # Every option is on https://search.nixos.org/options; those of WSL begin with `wsl.` and are described in this
    # project's documentation.
    { pkgs, ... }:
    {
    ${importsLine}  wsl.enable = true;
    ${
      lib.optionalString (
        !asks
      ) "  wsl.defaultUser = ${lib.strings.escapeNixString config.wsl.defaultUser};\n"
    }${lib.optionalString (!isFlake) "  wsl.image.config = \"channel\";\n"}
      # Programs for every user; `nix search nixpkgs NAME` finds more.
      environment.systemPackages = [
        # pkgs.git
      ];

      nix.settings.experimental-features = [
        "nix-command"
        "flakes"
      ];

      # The release this system was first installed with. Stored data has its formats: leave it as it is, also after an
      # update.
      system.stateVersion = "${config.system.nixos.release}";
    }
  '';

  # --- channels ----------------------------------------------------------------------------------------------------

  channels = pkgs.runCommand "nixos-channels" { preferLocalBuild = true; } ''
    mkdir $out
    ln -s ${sources.nixpkgs} $out/nixos
    ln -s ${sources.self} $out/nixos-wsl
    echo '[ ]' > $out/manifest.nix
  '';
  channelProfile = "/nix/var/nix/profiles/per-user/root/channels";

  # --- entries -----------------------------------------------------------------------------------------------------

  inherit (import ../nix/entries.nix) directory link text;
  file = path: text path "0644" 0;

  carried = {
    nixos-wsl = sources.self;
    inherit (sources) crane nixpkgs;
  };

  configuration =
    if cfg.configPath != null then
      [
        {
          path = "/etc/nixos";
          type = "tree";
          mode = "0755";
          uid = 0;
          gid = 0;
          source = "${lib.cleanSource cfg.configPath}";
        }
      ]
    else
      [
        (directory "/etc/nixos")
        (file "/etc/nixos/configuration.nix" configurationNix)
      ]
      ++ lib.optional asks oobe.userNix
      ++ lib.optionals isFlake [
        (file "/etc/nixos/flake.nix" flakeNix)
        (file "/etc/nixos/flake.lock" (builtins.toJSON flakeLock + "\n"))
      ];
in
{
  options.wsl.image = {
    configPath = lib.mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./.";
      description = ''
        Directory to put into {file}`/etc/nixos`, usually that of your own flake. `null` makes a small configuration
        that describes this image as far as {option}`wsl.image.config` goes.
      '';
    };

    config = lib.mkOption {
      type = types.enum [
        "flake"
        "channel"
      ];
      default =
        if lib.all (source: source ? narHash) (lib.attrValues carried) then "flake" else "channel";
      defaultText = lib.literalMD "`\"flake\"` where the module is imported from a flake, `\"channel\"` otherwise";
      description = ''
        What {file}`/etc/nixos` holds: a flake with its lock, or `configuration.nix` alone, which takes nixpkgs and this
        project from root's channels. With {option}`wsl.image.configPath` it only decides about the channels.
      '';
    };

    sources = lib.mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the image carries the sources that the configuration names, kept from being cleaned up by links in
        {file}`/nix/var/nix/gcroots/nixos-wsl`. Without, the first rebuild downloads them.
      '';
    };

    nixpkgsUrl = lib.mkOption {
      type = flakeReference;
      default = "github:NixOS/nixpkgs/nixos-unstable";
      example = "github:NixOS/nixpkgs/nixos-26.11";
      description = "Where `nix flake update` in the distribution looks for a newer nixpkgs.";
    };

    projectUrl = lib.mkOption {
      type = types.nullOr flakeReference;
      default = null;
      example = "github:example/nixos-wsl";
      description = ''
        Where `nix flake update` in the distribution looks for a newer release of this project. `null` keeps the one
        that the image carries.
      '';
    };
  };

  config = lib.mkIf config.wsl.enable {
    wsl.root.extraEntries =
      configuration
      ++ lib.optionals cfg.sources (
        [ (directory "/nix/var/nix/gcroots/nixos-wsl") ]
        ++ lib.mapAttrsToList (
          name: source: link "/nix/var/nix/gcroots/nixos-wsl/${name}" "${source}"
        ) carried
      )
      ++ lib.optionals (!isFlake && config.nix.channel.enable) [
        (link "${channelProfile}-1-link" "${channels}")
        (link channelProfile "channels-1-link")
      ];

    wsl.image.extraRoots =
      lib.optionals cfg.sources (map (source: "${source}") (lib.attrValues carried))
      ++ lib.optional (!isFlake && config.nix.channel.enable) channels;

    assertions = [
      {
        assertion =
          cfg.configPath == null && isFlake -> lib.all (source: source ? narHash) (lib.attrValues carried);
        message = "wsl.image.config = \"flake\" needs sources whose hash is known, as a flake or nix/pins.nix gives them. Set wsl.image.config = \"channel\", or wsl.image.configPath to a configuration of your own.";
      }
    ];
  };
}
