//! Every shell that WSL or a login starts: which program it really is, and in what environment it runs.
//!
//! `nixos-wsl-shell` at `/usr/lib/nixos-wsl/shells/<user>/<name>` is a user's login shell (`login`); `nixos-wsl-sh` is
//! `/bin/sh` and other programs of `/bin` (`forward`).

// A message that nobody takes must not keep a shell from starting: `message::print_error`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod environment;
pub mod forward;
pub mod interpreter;
pub mod login;
pub mod own_file;
pub mod programs;
mod readiness;
pub mod script;
pub mod search_path;
mod waiting;

use std::ffi::OsString;
use std::path::Path;

/// The folder of the users' shells.
pub const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

/// Becomes `program`; comes back with the reason if it cannot be started.
fn exec(
    program: &Path,
    name: &OsString,
    argv: &[OsString],
    environment: Option<&[(OsString, OsString)]>,
) -> std::io::Error {
    crate::sys::execve(program, std::iter::once(name).chain(argv.iter().skip(1)), environment)
}
