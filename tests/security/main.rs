//! Attacks of an ordinary user on a system that runs.

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod apply_swaps;
mod activation;
mod attacker;
mod descriptors;
mod programs;
mod setuid_callers;
mod shell_variables;
