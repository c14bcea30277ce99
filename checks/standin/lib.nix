# The few ways in which the stand-in makes store paths; nothing here knows what is in them.
{
  system,
  # Bash, and the folders of coreutils: of this machine, or of the store.
  bash ? "/bin/bash",
  path ? "/usr/bin:/bin",
}:

let
  common = {
    inherit system;
    builder = bash;
    PATH = path;
    LC_ALL = "C";
    # As nixpkgs has it for what is made faster than it is asked for.
    preferLocalBuild = true;
    allowSubstitutes = false;
  };
  script = file: [
    "-euo"
    "pipefail"
    file
  ];
in
{
  # A directory of texts, programs and links, each an attribute set from relative path to text or target.
  tree =
    name:
    {
      texts ? { },
      programs ? { },
      links ? { },
    }:
    derivation (
      common
      // {
        inherit
          name
          texts
          programs
          links
          ;
        __structuredAttrs = true;
        args = script ./builders/tree.sh;
      }
    );

  # A directory of links to all that the shell patterns match.
  farm =
    name: directory: globs:
    derivation (
      common
      // {
        inherit name directory globs;
        args = script ./builders/farm.sh;
      }
    );

  # A store path's programs with the loader and the libraries of another.
  relinked =
    programs: glibc:
    derivation (
      common
      // {
        inherit programs glibc;
        name = "relinked";
        args = script ./builders/relinked.sh;
      }
    );

  # [ { name; value; } … ] with one value for every name.
  genAttrs =
    names: value:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = value name;
      }) names
    );
}
