# wsl.image.files: files of one's own in the image.
{ config, lib, ... }:

let
  cfg = config.wsl.image;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;
  absolutePath = types.addCheck (formed "(/[^/]+)+" "absolute path without ‘.’ and ‘..’ in it") (
    path:
    !lib.any (
      part:
      lib.elem part [
        "."
        ".."
      ]
    ) (lib.splitString "/" path)
  );

  users = config.users.users;
  groups = config.users.groups;

  # Names become numbers here, because the archive knows no others; null where NixOS has not given a number yet.
  uidOf = user: if lib.isInt user then user else users.${user}.uid or null;
  gidOf = group: if lib.isInt group then group else groups.${group}.gid or null;

  entry = file: {
    inherit (file) path mode;
    uid = uidOf file.user;
    gid = gidOf file.group;
  };
  toEntry =
    file:
    if file.target != null then
      {
        inherit (file) path target;
        type = "symlink";
      }
    else if file.text != null then
      entry file
      // {
        type = "file";
        inherit (file) text;
      }
    else
      entry file
      // {
        type = if file.directory then "tree" else "file";
        source = "${file.source}";
      };

  # A folder between a home and a file in it belongs to the user, or the user's own programs could not write there.
  homes = lib.filterAttrs (
    _: user: user.enable && user.createHome && user.uid != null && user.home != "/var/empty"
  ) users;
  parentsBelow =
    home: path:
    let
      parts = lib.init (lib.splitString "/" (lib.removePrefix "${home}/" path));
    in
    map (n: "${home}/${lib.concatStringsSep "/" (lib.take n parts)}") (lib.range 1 (lib.length parts));
  homeFolders = lib.concatLists (
    lib.mapAttrsToList (
      _: user:
      map
        (path: {
          inherit path;
          type = "directory";
          mode = "0755";
          inherit (user) uid;
          gid = gidOf user.group;
        })
        (
          lib.unique (
            lib.concatMap (parentsBelow (toString user.home)) (
              lib.filter (lib.hasPrefix "${toString user.home}/") (map (file: file.path) files)
            )
          )
        )
    ) homes
  );

  files = lib.attrValues cfg.files;
  kinds =
    file:
    lib.count (value: value != null) [
      file.source
      file.target
      file.text
    ];
  # The last three digits of the mode: may others read?
  isPrivate = file: builtins.match ".*[4-7]" file.mode == null && file.target == null;
  names = lib.concatMapStringsSep ", " (file: file.path);
in
{
  options.wsl.image.files = lib.mkOption {
    default = { };
    example = lib.literalExpression ''
      {
        "/home/alice/.config/git/config" = { source = ./gitconfig; user = "alice"; group = "users"; };
        "/opt/tool" = { source = ./tool; };
      }
    '';
    description = ''
      Files that the image has from the start, by path. Afterwards they are the user's: no rebuild changes them.

      Everything here goes through the store, where every user of the building machine can read it. Secrets are added
      when the file is written instead: `nixos-wsl-tarball-builder --extra-files DIR`.
    '';
    type = types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            path = lib.mkOption {
              type = absolutePath;
              default = name;
              defaultText = lib.literalMD "the attribute's name";
              description = "Absolute path in the distribution.";
            };
            source = lib.mkOption {
              type = types.nullOr types.path;
              default = null;
              description = "File or directory to copy.";
            };
            directory = lib.mkOption {
              type = types.bool;
              default = lib.isPath config.source && lib.pathIsDirectory config.source;
              defaultText = lib.literalMD "whether `source` is a directory beside the configuration";
              description = "Whether {option}`source` is a directory. Set it where a package makes one.";
            };
            text = lib.mkOption {
              type = types.nullOr types.lines;
              default = null;
              description = "Text of the file.";
            };
            target = lib.mkOption {
              type = types.nullOr types.str;
              default = null;
              description = "What a symbolic link points to.";
            };
            mode = lib.mkOption {
              type = formed "[0-7]{3,4}" "permissions in octal, three or four digits such as \"0644\"";
              default = if config.directory then "0755" else "0644";
              defaultText = lib.literalExpression ''if directory then "0755" else "0644"'';
              example = "0755";
              description = ''
                Permissions, in octal. In a directory, files that cannot be executed get them without the `x` bits.
              '';
            };
            user = lib.mkOption {
              type = types.either types.ints.unsigned types.str;
              default = 0;
              example = "alice";
              description = "Owner: a number, or an attribute in {option}`users.users` that has a `uid`.";
            };
            group = lib.mkOption {
              type = types.either types.ints.unsigned types.str;
              default = 0;
              example = "users";
              description = "Group: a number, or an attribute in {option}`users.groups` that has a `gid`.";
            };
          };
        }
      )
    );
  };

  config = lib.mkIf config.wsl.enable {
    wsl.root.extraEntries = homeFolders ++ map toEntry files;

    assertions = [
      {
        assertion = lib.all (file: kinds file == 1) files;
        message = "wsl.image.files: give exactly one of source, text and target for ${
          names (lib.filter (file: kinds file != 1) files)
        }.";
      }
      {
        assertion = lib.all (file: uidOf file.user != null && gidOf file.group != null) files;
        message = "wsl.image.files: user and group must be numbers, or have a fixed uid and gid in users.users and users.groups, for ${
          names (lib.filter (file: uidOf file.user == null || gidOf file.group == null) files)
        }.";
      }
      {
        assertion = !lib.any (file: lib.hasPrefix "/nix/store/" file.path) files;
        message = "wsl.image.files cannot put files into /nix/store; wsl.image.extraRoots adds packages.";
      }
    ];

    warnings = lib.optional (lib.any isPrivate files) ''
      wsl.image.files: ${names (lib.filter isPrivate files)} cannot be read by others in the distribution, but can be in the store of the machine that builds the image. Add secrets by `nixos-wsl-tarball-builder --extra-files`.
    '';
  };
}
