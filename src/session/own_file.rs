//! The file that the running program was started from: what a program with several names goes by.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The kernel's word for the file: `argv[0]` is whatever the caller wrote there.
///
/// `/proc/self/exe`, or what was given to `execve` where `/proc` is not mounted yet. The latter comes second because it is
/// the script's name when the program is run by a `#!` line.
#[must_use]
pub fn own_file() -> PathBuf {
    let Ok(file) = std::fs::read_link("/proc/self/exe") else {
        return PathBuf::from(OsString::from_vec(rustix::param::linux_execfn().to_bytes().to_vec()));
    };
    // A program replaced since it was started.
    match file.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(name) => PathBuf::from(OsString::from_vec(name.to_vec())),
        None => file,
    }
}
