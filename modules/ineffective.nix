# Settings that cannot act on WSL: one warning each, from the table in data/ineffective.nix. They are overridden by plain
# settings, so that whoever knows better has them act all the same.
{
  config,
  lib,
  modulesPath,
  options,
  ...
}:

let
  cfg = config.wsl;

  # What nixpkgs and this project set for other options of the user's is not theirs to correct.
  ownFolders = [
    (toString modulesPath)
    (toString ./.)
  ];
  isUsers = definition: !lib.any (folder: lib.hasPrefix folder (toString definition.file)) ownFolders;
  isSet =
    value:
    !lib.elem value [
      null
      false
      ""
      [ ]
      { }
    ];
  isSetByUser =
    name:
    let
      option = lib.attrByPath (lib.splitString "." name) null options;
    in
    option != null
    && lib.any (
      definition: isUsers definition && isSet definition.value
    ) option.definitionsWithLocations;

  speaks = row: if row ? when then row.when config else isSetByUser row.option;
  sentence = row: "${row.option} ${row.effect or "has no effect on WSL"}: ${row.why}. ${row.instead}";

  # What WSL reads from wsl.conf: each of its keys is an option.
  known = lib.concatLists (
    lib.mapAttrsToList (section: keys: map (key: "${section}.${key}") (lib.attrNames keys)) (
      lib.filterAttrs (name: _: !lib.hasPrefix "_" name) (options.wsl.wslConf.type.getSubOptions [ ])
    )
  );
  unknown = lib.concatLists (
    lib.mapAttrsToList (
      section: keys:
      map (key: "${section}.${key}") (
        lib.filter (key: !lib.elem "${section}.${key}" known) (
          lib.attrNames (lib.filterAttrs (_: value: value != null && value != "") keys)
        )
      )
    ) cfg.wslConf
  );
in
{
  options.wsl.ineffective = lib.mkOption {
    type = lib.types.listOf lib.types.raw;
    internal = true;
    readOnly = true;
    default = import ./data/ineffective.nix;
    description = "Settings that cannot act on WSL, see {file}`modules/data/ineffective.nix`.";
  };

  config = lib.mkIf cfg.enable {
    warnings =
      map sentence (lib.filter speaks cfg.ineffective)
      ++ map (
        key:
        "wsl.wslConf.${key} has no effect: WSL knows no such key. Look for the right one in https://learn.microsoft.com/windows/wsl/wsl-config."
      ) unknown;
  };
}
