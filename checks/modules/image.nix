# wsl.image: files with their owners, the configuration and its sources, the builder, the variant of nixpkgs.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  inherit (lib'.systems) custom default everything;

  entries = lib'.entriesOf custom;
  defaultEntries = lib'.entriesOf default;
  lock = lib.importJSON ../../flake.lock;
  nodesOf =
    system:
    (builtins.fromJSON (
      builtins.unsafeDiscardStringContext (lib'.entriesOf system)."/etc/nixos/flake.lock".text
    )).nodes;
  nodes = nodesOf default;
  knownNodes = nodesOf everything;
  isGithub =
    owner: repo: node:
    node.locked == {
      type = "github";
      inherit owner repo;
      inherit (node.locked) narHash rev lastModified;
    };
  isOwned = entry: entry.uid == 1000 && entry.gid == 100;
in
lib'.decide "image" (
  lib'.failedAssertions custom
  ++ lib'.expect (
    !default.config.wsl.distribution.oobe.askForUser
    && !(lib.hasInfix "command=" default.config.wsl.files.distributionConf)
  ) "an image whose configuration names its user asks for none"
  ++ lib'.expect (lib.hasInfix "Documentation: https://github.com/example/nixos-wsl/tree/HEAD/docs\n" everything.config.wsl.welcome.text) "the welcome has the project's address on the web where it is known"
  ++ lib'.expect (isOwned entries."/home/nixos/.config/git/config") "a file has the user's numbers"
  ++ lib'.expect (
    isOwned entries."/home/nixos/.config/git" && isOwned entries."/home/nixos/.config"
  ) "the folders to it are the user's"
  ++ lib'.expect (
    entries."/opt/tool".type == "tree"
    && entries."/opt/tool".gid == 7
    && entries."/opt/tool".mode == "0755"
  ) "a directory is a tree"
  ++ lib'.expect (entries."/etc/link".target == "/opt/tool") "a link is a link"
  ++ lib'.expect (
    custom.config.system.build.tarball.compressionLevel == 9
  ) "the level reaches the writer"
  ++ lib'.expect (
    custom.config.system.build.tarball.fileName == "mine.wsl"
  ) "the file name reaches the writer"
  ++ lib'.expect (
    nodes.nixpkgs.locked.narHash != null && nodes.crane.original == lock.nodes.crane.original
  ) "the image's lock is this project's"
  # Nix copies the tree of a locked path at each evaluation: minutes, and hundreds of megabytes of writing.
  ++ lib'.expect (lib.all (node: node.locked.type or null != "path") (
    lib.attrValues nodes ++ lib.attrValues knownNodes
  )) "no source is locked as a path"
  ++ lib'.expect (
    nodes.crane.locked == lock.nodes.crane.locked
  ) "a source that flake.lock pins has its origin from there"
  ++ lib'.expect (isGithub "NixOS" "nixpkgs"
    knownNodes.nixpkgs
  ) "a nixpkgs with a revision is locked as GitHub's"
  ++ lib'.expect (isGithub "example" "nixos-wsl"
    knownNodes.nixos-wsl
  ) "so is the project where its origin is known"
  ++ lib'.expect (
    defaultEntries."/nix/var/nix/gcroots/nixos-wsl/nixpkgs".type == "symlink"
  ) "the sources are kept from being cleaned up"
  ++ lib'.expect (lib.hasInfix "<nixos-wsl/modules>"
    entries."/etc/nixos/configuration.nix".text
  ) "the configuration for channels imports the module"
  ++ lib'.expect (!(entries ? "/etc/nixos/flake.nix")) "the configuration for channels is no flake"
  ++ lib'.expect (!(entries ? "/nix/var/nix/gcroots/nixos-wsl")) "sources can be left out"
  ++ lib'.expect (
    lib.length default.config.system.extraDependencies == 1
  ) "what changes are built from is kept"
  ++ lib'.expect (custom.config.system.extraDependencies == [ ]) "it can be left out"
  # Any other place is asked by the network for each name, also for one that the system's registry has.
  ++ lib'.expect (lib.hasPrefix builtins.storeDir (
    default.config.nix.settings.flake-registry or ""
  )) "the global registry of flakes is a file"
  ++ lib'.expect (lib.isString default.config.system.build.tarballBuilder.drvPath) "the builder evaluates"
  ++ lib'.expect (
    default.config.system.build.images.wsl.passthru.filePath
    == "tarball/nixos-wsl-${pkgs.stdenv.hostPlatform.system}.tar.gz"
  ) "nixos-rebuild build-image --image-variant wsl"
)
