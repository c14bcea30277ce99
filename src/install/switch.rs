//! The end of an installation: what WSL starts programs by leads into the system from now on, and the rest goes away.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::error::{InstallError, Result};
use super::place::{member_path, open_parent};
use super::state::InstallState;
use super::unpack::NEW;
use crate::system::installer::{ARCHIVE, DIRECTORY, Manifest};
use crate::system::replace::{self, Durability, Target};

/// Brings all that was written to the disk: a virtual machine that is cut off afterwards starts with a whole system.
///
/// # Errors
/// When the disk does not take it.
pub fn flush(state: &InstallState) -> Result<()> {
    let root = root(state)?;
    rustix::fs::syncfs(&root).map_err(|error| InstallError::at("", error))
}

/// Whether everything that is to be put in place waits for it; without, the archive has to be unpacked once more.
#[must_use]
pub fn is_ready(state: &InstallState, manifest: &Manifest) -> bool {
    (0..manifest.entry_points.len()).all(|position| {
        let new = state.path(DIRECTORY).join(NEW).join(position.to_string());
        new.symlink_metadata().is_ok_and(|found| found.is_file())
    })
}

/// Replaces the entry points, each by one rename, and removes what only the installer needed. Everything else must be in
/// place and on the disk. May be repeated after a kill at any point: what waits stays where it is until all is done, so
/// that each run sees which entry points are that file already, and which only exist.
///
/// # Errors
/// When a path cannot be replaced or removed.
pub fn switch(state: &InstallState, manifest: &Manifest) -> Result<()> {
    let root = root(state)?;
    let new = Path::new(DIRECTORY).join(NEW);
    // The largest part first: after the last rename nobody knows any more that something is left.
    remove(state, ARCHIVE)?;
    for (position, path) in manifest.entry_points.iter().enumerate() {
        let path = member_path(path.as_bytes())
            .map_err(|problem| InstallError::Member { path: path.into(), problem: problem.to_owned() })?;
        let waiting = new.join(position.to_string());
        let (from, from_name) =
            open_parent(root.as_fd(), &waiting).map_err(|error| InstallError::at(&waiting, error))?;
        let (to, to_name) =
            open_parent(root.as_fd(), &path).map_err(|error| InstallError::at(&path, error))?;
        let inode = |folder: &OwnedFd, name: &OsStr| {
            rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .map(|found| (found.st_dev, found.st_ino))
        };
        let expected = inode(&from, from_name).map_err(|error| InstallError::at(&waiting, error))?;
        if inode(&to, to_name) != Ok(expected) {
            replace::hard_link(Target::new(to.as_fd(), &path), from.as_fd(), from_name, Durability::None)
                .map_err(|failure| InstallError::at(&path, failure.into_reason()))?;
        }
    }
    flush(state)?;
    // Without a manifest the system counts as installed.
    remove(state, crate::system::installer::MANIFEST)?;
    let directory = state.path(DIRECTORY);
    fs::remove_dir_all(&directory).map_err(|error| InstallError::at(DIRECTORY, error))?;
    // What the user is told now holds after a power cut too.
    flush(state)
}

fn root(state: &InstallState) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(state.root(), flags, Mode::empty()).map_err(|error| InstallError::at("", error))
}

fn remove(state: &InstallState, path: &str) -> Result<()> {
    match fs::remove_file(state.path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(InstallError::at(path, error)),
        _ => Ok(()),
    }
}
