# The derivation of a release's folder (src/image/release): images, static programs, bill of materials, provenance, notes and sums.
#
# Needs no nixpkgs, as ../image.nix.
{
  # Package with `bin/nixos-wsl-image` for the machine that builds.
  tools,
  # System of the machine that builds, e.g. "x86_64-linux".
  system,
  # The kind of machine that it is for, e.g. "x86_64".
  machine,
  # As CHANGELOG.md has it.
  version,
  # Attribute sets of `name`, the file's in the release, `path`, and `compress`, whether zstd makes it smaller.
  images,
  # Files of the static programs.
  programs,
  # The NixOS systems in the images: what the bill of materials and the provenance are about.
  toplevels,
  # flake.lock and CHANGELOG.md of the source.
  lock,
  changelog,
  # Git's name of the source; null where it is no commit.
  revision ? null,
  # The folder on the web where the release will be: with it there is a list of distributions too.
  url ? null,
}:

derivation {
  name = "nixos-wsl-release-${version}";
  inherit
    system
    machine
    version
    images
    programs
    lock
    changelog
    revision
    url
    ;
  builder = "${tools}/bin/nixos-wsl-image";
  args = [ "release" ];
  __structuredAttrs = true;
  exportReferencesGraph.closure = toplevels;
  preferLocalBuild = true;
  allowSubstitutes = false;
}
