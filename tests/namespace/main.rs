//! Namespace mode: systemd in namespaces of its own.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod counting;
mod kills;
mod left_behind;
mod modes;
mod privileges;
mod shells;
mod side_by_side;
mod terminals;
