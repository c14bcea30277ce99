# wsl.image: files with their owners, the configuration and its sources, the builder, the variant of nixpkgs.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  system = lib'.wsl [
    {
      wsl.image = {
        fileName = "mine.wsl";
        compressionLevel = 9;
        files = {
          "/home/nixos/.config/git/config" = {
            text = "[user]\n";
            user = "nixos";
            group = "users";
          };
          "/opt/tool" = {
            source = ../modules;
            group = 7;
          };
          "/etc/link".target = "/opt/tool";
        };
      };
    }
  ];
  channel = lib'.wsl [
    {
      wsl.image = {
        config = "channel";
        sources = false;
      };
    }
  ];
  own = lib'.wsl [ { wsl.image.configPath = ../../nix; } ];

  entries = lib'.entriesOf system;
  lock = lib.importJSON ../../flake.lock;
  imageLock = builtins.fromJSON (
    builtins.unsafeDiscardStringContext entries."/etc/nixos/flake.lock".text
  );
  isOwned = entry: entry.uid == 1000 && entry.gid == 100;
in
lib'.decide "image" (
  lib'.failedAssertions system
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
    system.config.system.build.tarball.compressionLevel == 9
  ) "the level reaches the writer"
  ++ lib'.expect (
    system.config.system.build.tarball.fileName == "mine.wsl"
  ) "the file name reaches the writer"
  ++ lib'.expect (
    imageLock.nodes.nixpkgs.locked.narHash != null
    && imageLock.nodes.crane.original == lock.nodes.crane.original
  ) "the image's lock is this project's"
  ++ lib'.expect (
    entries."/nix/var/nix/gcroots/nixos-wsl/nixpkgs".type == "symlink"
  ) "the sources are kept from being cleaned up"
  ++ lib'.expect (lib.hasInfix "<nixos-wsl/modules>"
    (lib'.entriesOf channel)."/etc/nixos/configuration.nix".text
  ) "the configuration for channels imports the module"
  ++ lib'.expect (
    !((lib'.entriesOf channel) ? "/etc/nixos/flake.nix")
  ) "the configuration for channels is no flake"
  ++ lib'.expect (
    !((lib'.entriesOf channel) ? "/nix/var/nix/gcroots/nixos-wsl")
  ) "sources can be left out"
  ++ lib'.expect (
    (lib'.entriesOf own)."/etc/nixos".type == "tree"
  ) "a configuration of one's own is copied whole"
  ++ lib'.expect (lib.isDerivation system.config.system.build.tarballBuilder) "the builder evaluates"
  ++ lib'.expect (
    (lib'.imported [ ]).config.system.build.images.wsl.passthru.filePath
    == "tarball/nixos-wsl-${pkgs.stdenv.hostPlatform.system}.tar.gz"
  ) "nixos-rebuild build-image --image-variant wsl"
)
