//! `nixos-wsl logs`: what was written at the last start, and the journal.

use std::ffi::OsString;
use std::io::ErrorKind;

use super::output::write;
use super::status::{self, Status, status};
use super::{CommandError, Outcome};
use crate::system::log;
use crate::system::root::Root;

/// Larger than any log of a start.
const LIMIT: u64 = 64 << 20;

/// Prints the logs and becomes `journalctl` with the arguments `journal`, if systemd runs.
///
/// # Errors
/// Standard output takes no more, or there is no way to systemd.
pub fn show(mut journal: Vec<OsString>) -> Outcome {
    for file in [log::FILE, "/run/nixos-wsl/console"] {
        match Root::default().read(file, LIMIT) {
            Ok(text) => write(&text)?,
            // Systemd's own words, which namespace mode alone has to keep.
            Err(error) if error.kind() == ErrorKind::NotFound && file != log::FILE => {}
            Err(error) => eprintln!("nixos-wsl: {file}: {error}"),
        }
    }
    if !matches!(status(), Status::Inside | Status::Running(_)) {
        return Ok(());
    }
    if journal.is_empty() {
        journal = ["-b", "--no-pager", "-n", "200"].map(OsString::from).to_vec();
    }
    journal.insert(0, "journalctl".into());
    Err(CommandError::Refused(status::open(None, &journal)))
}
