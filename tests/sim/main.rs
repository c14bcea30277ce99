//! The simulator: it does what WSL does.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod boot;
mod cli;
mod clients;
mod company;
mod containers;
mod contract;
mod disk;
mod disks;
mod emulated;
mod faults;
mod first_run;
mod generation;
mod import;
mod kernel;
mod kill;
mod launch;
mod older_release;
mod one_restart;
mod online;
mod oobe;
mod rebuild;
mod story;
mod system_distribution;
mod systemd;
mod terminals;
mod unregister;
mod vhd;
mod vm;
mod welcome;
mod windows_side;
