//! What an interrupted copy into the Nix store has left there.
//!
//! Nix copies a tree into `/nix/store/tmp-PID-N` and holds a lock on that folder (`flock(2)`) until it has its own name.
//! A killed one leaves it behind, for a garbage collection that nobody may ever start.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Dir, FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use crate::system::error::{Context, Failure};
use crate::system::{mounts, replace};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes from the folder `store` what no process is copying any more, and says how many trees those were. A store that is
/// mounted read-only is writable for this process alone.
///
/// # Errors
/// The store cannot be read or made writable; a tree that cannot be removed does not keep the others.
pub fn remove_abandoned_copies(store: &Path) -> Result<usize, Failure> {
    let folder = openat(CWD, store, FOLDER, Mode::empty()).at(store)?;
    let names: Vec<OsString> = Dir::read_from(&folder)
        .at(store)?
        .filter_map(Result::ok)
        .map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
        .filter(|name| is_copy(name))
        .collect();
    if names.is_empty() {
        return Ok(0);
    }
    mounts::make_writable(store)?;
    // What was opened before is still the read-only mount.
    let folder = openat(CWD, store, FOLDER, Mode::empty()).at(store)?;
    let mut removed = 0;
    let mut failure = None;
    for name in names {
        // Not a folder, or gone: nothing of a copy.
        let Ok(copy) = openat(&folder, &*name, FOLDER, Mode::empty()) else { continue };
        match flock(&copy, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => continue,
            Err(error) => return Err(Failure::new("lock", store.join(name), error)),
        }
        match replace::remove(folder.as_fd(), &name) {
            Ok(()) => removed += 1,
            Err(error) => failure = Some(Failure::new("remove", store.join(name), io::Error::from(error))),
        }
    }
    failure.map_or(Ok(removed), Err)
}

/// `tmp-PID-N`: no name of a store path, which begins with a hash.
fn is_copy(name: &OsStr) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.to_str().and_then(|name| name.strip_prefix("tmp-")?.split_once('-'));
    parts.is_some_and(|(process, counter)| number(process) && number(counter))
}
