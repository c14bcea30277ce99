//! The commands of `nixos-wsl`.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod doctor;
mod manuals;
mod recover;
mod tool;
