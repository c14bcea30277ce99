# The image derivation: Nix starts `nixos-wsl-image` itself, with the spec and the closure as structured attributes.
#
# Needs no nixpkgs, stdenv or shell, so the same function serves the NixOS modules and a bare Nix (2.8 or newer).
# The result is `$out/tarball/<fileName>`, of a disk `$out/disk/<fileName>`.
{
  # Name of the derivation.
  name ? "nixos-wsl-tarball",
  # Name of the file, e.g. "nixos-wsl-x86_64-linux.tar.gz".
  fileName,
  # Package with `bin/nixos-wsl-image` for the machine that builds.
  tools,
  # System of the machine that builds, e.g. "x86_64-linux".
  system,
  # The NixOS system: all that it refers to goes into the image's store.
  toplevel,
  # Further store paths to bring in with all they refer to, e.g. programs that only the spec names.
  roots ? [ ],
  # The image spec (docs/design.md); `spec` of root.nix gives one.
  spec,
  # What to write: the subcommand of `nixos-wsl-image`.
  command ? "tarball",
  # Deflate level, 1 (fast) to 12 (small); null for the writer's own choice.
  compressionLevel ? null,
  # The static `nixos-wsl-install`, which an installer is made of.
  installProgram ? null,
  # The `mke2fs` of e2fsprogs, for a disk.
  mke2fs ? null,
}:

derivation (
  {
    inherit
      name
      fileName
      system
      spec
      ;
    builder = "${tools}/bin/nixos-wsl-image";
    args = [ command ];
    __structuredAttrs = true;
    exportReferencesGraph.closure = [ toplevel ] ++ roots;

    # Reading the closure where it is costs less than sending it to another machine or asking a cache.
    preferLocalBuild = true;
    allowSubstitutes = false;
  }
  // (if compressionLevel == null then { } else { inherit compressionLevel; })
  // (if installProgram == null then { } else { inherit installProgram; })
  // (if mke2fs == null then { } else { inherit mke2fs; })
)
