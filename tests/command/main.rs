//! The commands of `nixos-wsl`.

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod doctor;
mod recover;
mod tool;
