# The documentation: the options' page, computed by evaluation alone, and the book around it.
{ pkgs, module }:

let
  inherit (pkgs) lib;

  inherit
    (import (pkgs.path + "/nixos/lib/eval-config.nix") {
      system = null;
      modules = [
        module
        { nixpkgs.pkgs = pkgs; }
      ];
    })
    options
    ;

  # wsl.enable first: nothing works without.
  visible = lib.sort (a: b: a.name == "wsl.enable" && b.name != "wsl.enable") everyVisible;
  everyVisible = lib.filter (option: option.visible && !option.internal) (
    lib.optionAttrSetToDocList options.wsl
  );

  # `{option}`, `{file}` and the like are roles that only NixOS's own manual knows.
  plain =
    text:
    lib.replaceStrings
      [
        "{option}`"
        "{file}`"
        "{command}`"
        "{env}`"
      ]
      [
        "`"
        "`"
        "`"
        "`"
      ]
      (lib.trim text);

  value =
    name: literal:
    let
      text = lib.trim literal.text;
    in
    if literal._type or null == "literalMD" then
      "${name}: ${plain text}"
    else if lib.hasInfix "\n" text then
      "${name}:\n\n```nix\n${text}\n```"
    else
      "${name}: `${text}`";

  section =
    option:
    lib.concatStringsSep "\n\n" (
      [
        "### ${lib.replaceStrings [ "<" ">" ] [ "\\<" "\\>" ] option.name}"
        (plain option.description)
      ]
      ++ lib.optional (option ? default) (value "Default" option.default)
      ++ lib.optional (option ? example) (value "Example" option.example)
      ++ [ "Type: ${option.type}" ]
    );

  # By the first word after `wsl`: options of one subtree stand together, single ones come first.
  subtree = option: if lib.length option.loc > 2 then lib.elemAt option.loc 1 else "";
  groups = lib.groupBy subtree visible;
  group =
    name:
    (if name == "" then "## wsl" else "## wsl.${name}")
    + "\n\n"
    + lib.concatMapStringsSep "\n\n" section groups.${name};

  optionsPage = ''
    <!-- Made from the modules by `nix eval --raw .#packages.x86_64-linux.docs.optionsPage`; change those instead. -->

    # Options

    Everything under `wsl` in a NixOS configuration. Each option is optional but `wsl.enable`.

    ${lib.concatMapStringsSep "\n\n" group (lib.attrNames groups)}
  '';
  upstream = import ../checks/modules/upstream-options.nix;
  # The table in docs/coming-from-nixos-wsl.md.
  rows =
    form: options:
    lib.concatStrings (lib.mapAttrsToList (name: note: "| `wsl.${name}` | ${form note} |\n") options);
  upstreamTable = ''
    | there | here |
    |---|---|
  ''
  + rows (note: if note == "" then "same" else "same; ${note}") upstream.same
  + rows (name: "alias of `wsl.${name}`, with a warning") upstream.alias
  + rows (note: "gone; ${note}") upstream.gone;
in
pkgs.runCommand "nixos-wsl-docs"
  {
    nativeBuildInputs = [ pkgs.mdbook ];
    passthru = {
      inherit options optionsPage upstreamTable;
      # What a reader would miss.
      undescribed = map (option: option.name) (
        lib.filter (option: lib.trim (option.description or "") == "") visible
      );
    };
  }
  ''
    mdbook build --dest-dir $out ${
      lib.fileset.toSource {
        root = ../.;
        fileset = lib.fileset.unions [
          ../CHANGELOG.md
          ../docs
        ];
      }
    }/docs
  ''
