//! Users whose way in has failed: their shells stay outside until WSL itself starts one, which tries again.
//!
//! Without this every shell of a terminal multiplexer would wait for a systemd that does not start. The record is root's,
//! because a variable would be obeyed in places that nobody thought of: it goes through `su`, `sudo` and setuid programs.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::parent_id;
use std::path::Path;

use rustix::process::getuid;
use rustix::thread::Uid;

use super::HELPER;
use super::rundir::{PATH, RunDir};

fn name(uid: Uid) -> String {
    format!("outside.{}", uid.as_raw())
}

/// Records that a user's way in has failed. Needs root's rights.
pub fn record(uid: Uid) {
    // Without the record the next shells try again, which costs time and nothing else.
    let _ = RunDir::make().and_then(|folder| folder.create_empty(&name(uid)));
}

/// Forgets it. Needs root's rights.
pub fn forget(uid: Uid) {
    if let Ok(folder) = RunDir::open() {
        folder.remove(&name(uid));
    }
}

/// Whether the way in has failed for the user of this process, or cannot work because the program has no rights for it.
#[must_use]
pub fn refused() -> bool {
    let recorded = || std::fs::symlink_metadata(Path::new(PATH).join(name(getuid()))).is_ok();
    recorded() || !getuid().is_root() && !has_rights()
}

fn has_rights() -> bool {
    // A program that is not there is another fault, which the attempt to start it names.
    std::fs::metadata(HELPER).map_or(true, |found| found.mode() & 0o4000 != 0 && found.uid() == 0)
}

/// Whether WSL started this process, and no program of a user's: its relays are copies of its init, process 1.
///
/// A user can forge this, and gains one attempt more.
#[must_use]
pub fn started_by_wsl() -> bool {
    let line = |process: u32| std::fs::read(format!("/proc/{process}/cmdline")).ok();
    line(parent_id()).is_some_and(|parent| Some(parent) == line(1))
}
