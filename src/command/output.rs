//! Standard output of a command: a full disk behind it is an error like any other.

use std::fmt::Arguments;
use std::io::Write;

use super::Outcome;
use crate::system::error::Context;

/// Prints a line.
///
/// # Errors
/// When standard output takes no more.
pub fn print(line: Arguments<'_>) -> Outcome {
    write(format!("{line}\n").as_bytes())
}

/// Writes these bytes.
///
/// # Errors
/// When standard output takes no more.
pub fn write(bytes: &[u8]) -> Outcome {
    Ok(std::io::stdout().write_all(bytes).at("standard output")?)
}
