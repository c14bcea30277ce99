//! The installer: its first start in the simulator, on terminals, with faults and kills.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod faults;
mod first_start;
mod kills;
mod launcher;
mod power_cut;
mod switch;
mod terminals;
mod unpacking;
