//! From a Nix closure to a root file system archive: build time only.
