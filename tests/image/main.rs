//! The image: what the writer makes of a spec and a closure, and how others read it.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod bad_input;
mod ci;
mod disk;
mod extractors;
mod nix;
mod properties;
mod release;
mod reproducible;
mod root;
mod same_bytes;
mod tarball;
mod validate;
mod validation;
