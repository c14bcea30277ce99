# wsl.compat: the programs that /bin and /usr/bin hold.
#
# WSL calls programs there by absolute path, more with every release, and starts others with a PATH that names only
# /usr and /bin (W§6.3). Activation replaces them one by one and removes those of former generations; what others put into
# the folders stays.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  inherit (import ../nix/entries.nix) link;

  levels = [
    "minimal"
    "tools"
    "full"
  ];
  rank = level: lib.lists.findFirstIndex (other: other == level) null levels;

  folderOf =
    package:
    {
      nix = "${config.nix.package}/bin";
      systemd = "${config.systemd.package}/bin";
      wrappers = "/run/wrappers/bin";
    }
    .${package} or "${
      lib.getBin (lib.attrByPath (lib.splitString "." package) (throw "pkgs has no ${package}") pkgs)
    }/bin";
  wanted =
    { package, level, ... }:
    rank level <= rank cfg.compat
    && (package == "nix" -> config.nix.enable)
    && (package == "wrappers" -> config.security.enableWrappers);
  namesOf =
    { package, names, ... }:
    lib.genAttrs names (name: {
      target = "${folderOf package}/${name}";
    });
  compat = lib.concatMapAttrs (_: group: namesOf group) (
    lib.listToAttrs (
      map (group: lib.nameValuePair group.package group) (lib.filter wanted (import ./data/compat.nix))
    )
  );

  # WSL looks the user up with it when the default user is changed from Windows, whatever else is there.
  id.id.target = "${pkgs.coreutils}/bin/id";
  # Kept by a script of nixpkgs' too; here it is there before the first activation.
  env = lib.optionalAttrs (config.environment.usrbinenv != null) {
    env.target = config.environment.usrbinenv;
  };
  usrBin =
    lib.mapAttrs (_: entry: { inherit (entry) target; }) (
      lib.filterAttrs (_: entry: entry ? target) cfg.bin
    )
    // lib.optionalAttrs (cfg.compat != "minimal") { sh.target = "/bin/sh"; }
    // id
    // env;

  ldconfig = {
    path = "/sbin/ldconfig";
    target = "${pkgs.glibc.bin}/bin/ldconfig";
  };
in
{
  imports = [
    (lib.mkChangedOptionModule
      [
        "wsl"
        "compatBin"
      ]
      [
        "wsl"
        "compat"
      ]
      (config: if config.wsl.compatBin then "tools" else "minimal")
    )
  ];

  options.wsl = {
    compat = lib.mkOption {
      type = lib.types.enum levels;
      default = "tools";
      example = "full";
      description = ''
        Which programs {file}`/bin` and {file}`/usr/bin` hold. WSL's own calls, `wsl -e`, editors, Docker Desktop and coding
        agents look for them there, without a login shell.

        - `"minimal"`: what WSL does not do without (`sh`, `login`, `mount`, `/usr/bin/id`, `/usr/bin/env`), and what
          {option}`wsl.extraBin` adds.
        - `"tools"`: also the common programs: coreutils, bash, grep, sed, find, tar, ps, curl, ip, systemctl, sudo, nix and
          others. Only links to what the system has anyway, so they cost nothing.
        - `"full"`: also `git`, `python3`, `wget`, `unzip`, `zip` and `file`, which come along for it.

        These are NixOS's own programs. For those that were built for other Linux systems set {option}`programs.nix-ld.enable`
        ({option}`wsl.presets.agents` does), and for names at any other path {option}`services.envfs.enable`, which then
        answers for both folders and for these names.
      '';
    };

    bin = lib.mkOption {
      type = lib.types.lazyAttrsOf lib.types.raw;
      internal = true;
      readOnly = true;
      default = compat // cfg.featureBin // cfg.userBin;
      description = "Names in {file}`/bin`, in the form that nix/root.nix takes.";
    };

    featureBin = lib.mkOption {
      type = lib.types.lazyAttrsOf (lib.types.attrsOf lib.types.str);
      default = { };
      internal = true;
      description = "Names in {file}`/bin` that other options of this project need, in the same form.";
    };
  };

  config = lib.mkIf cfg.enable {
    wsl.root.extraApply = {
      trees = [
        {
          path = "/usr/bin";
          # A script of nixpkgs' makes or removes it.
          keep = [ "env" ];
          entries = lib.mapAttrsToList (name: entry: { inherit name; } // entry) usrBin;
        }
      ];
      links = lib.optional (cfg.compat != "minimal") ldconfig;
    };
    wsl.root.extraEntries =
      lib.mapAttrsToList (name: entry: link "/usr/bin/${name}" entry.target) usrBin
      ++ lib.optional (cfg.compat != "minimal") (link ldconfig.path ldconfig.target);
  };
}
