//! Attacks of an ordinary user on a system that runs.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod activation;
mod apply_swaps;
mod attacker;
mod descriptors;
mod programs;
mod setuid_callers;
mod shell_variables;
