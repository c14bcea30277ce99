# Writes attribute sets in the grammar of /etc/wsl.conf (W§3.1), which is not that of other INI files: an unquoted `#`
# starts a comment anywhere, a backslash escapes, quotes keep blanks, and one malformed line hides all that follow.
{ lib }:

let
  isName = name: builtins.match "[A-Za-z][A-Za-z0-9]*" name != null;
  isAscii = text: builtins.match "[ -~\n\t]*" text != null;

  # Plain where that is enough: other readers of the file know no quotes.
  needsQuotes = text: builtins.match "[^\"\\#\n\t ]([^\"\\#\n\t]*[^\"\\#\n\t ])?" text == null;
  quote =
    text:
    "\""
    +
      lib.replaceStrings
        [
          "\\"
          "\""
          "\n"
          "\t"
        ]
        [
          "\\\\"
          "\\\""
          "\\n"
          "\\t"
        ]
        text
    + "\"";

  value =
    v:
    if lib.isBool v then
      lib.boolToString v
    else if lib.isString v && needsQuotes v then
      quote v
    else
      toString v;

  # WSL warns of empty values, so they are left out like those that are not set.
  present = lib.filterAttrs (_: v: v != null && v != "");
in
{
  # The type of one value; null leaves the key out.
  valueType = lib.types.nullOr (
    lib.types.oneOf [
      lib.types.bool
      lib.types.int
      lib.types.str
    ]
  );

  # { section.key = value; … } → text
  toText =
    sections:
    let
      section = name: keys: ''
        [${name}]
        ${lib.concatStrings (lib.mapAttrsToList (key: v: "${key}=${value v}\n") keys)}'';
    in
    lib.concatStringsSep "\n" (
      lib.mapAttrsToList section (
        lib.filterAttrs (_: keys: keys != { }) (lib.mapAttrs (_: present) sections)
      )
    );

  # { section.key = value; … } → what the grammar cannot say, as sentences
  problems =
    file: sections:
    lib.concatLists (
      lib.mapAttrsToList (
        section: keys:
        lib.optional (
          !isName section
        ) "${file}: the section name ‘${section}’ must be letters and digits, starting with a letter."
        ++ lib.concatLists (
          lib.mapAttrsToList (
            key: v:
            lib.optional (
              !isName key
            ) "${file}: the key ‘${section}.${key}’ must be letters and digits, starting with a letter."
            ++ lib.optional (
              lib.isString v && !isAscii v
            ) "${file}: the value of ‘${section}.${key}’ must be ASCII: WSL reads the file without a locale."
          ) (present keys)
        )
      ) sections
    );
}
