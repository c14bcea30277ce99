//! `apply`, of an activation: the files outside the store, and a line for what an activation does not touch.

use std::path::Path;

use super::Outcome;
use crate::apply;
use crate::system::root::Root;

/// Carries out the plan in `file`.
///
/// # Errors
/// The plan makes no sense, or a file could not be brought into its place.
pub fn run(file: &Path) -> Outcome {
    for line in apply::apply(&Root::default(), file)?.lines() {
        eprintln!("nixos-wsl: {line}");
    }
    Ok(())
}
