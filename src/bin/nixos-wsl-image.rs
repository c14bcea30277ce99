//! `nixos-wsl-image`: writes root file system archives; the builder of the image derivation.
#![forbid(unsafe_code)]

fn main() {}
