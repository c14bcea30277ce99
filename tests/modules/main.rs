//! The texts that the modules write, read by the programs that use them. Needs nixpkgs: step `modules` of `checks/run`.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod texts;
