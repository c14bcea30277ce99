//! What the documentation says is true: its commands are run, its output is compared, its names exist, its links lead
//! somewhere. docs/testing.md has the marks.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod book;
mod commands;
mod compare;
mod files;
mod nix;
mod options;
mod page;
mod played;
mod quotes;
