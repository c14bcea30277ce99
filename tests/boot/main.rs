//! `/sbin/init` and activation: in a small world of scripts, and with a real systemd in the simulator.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod apply;
mod apply_links;
mod apply_mounts;
mod bad_input;
mod counting;
mod doctor;
mod faults;
mod init;
#[macro_use]
mod kills;
mod next_start;
mod power_cut;
mod starts;
mod write_kills;
