//! The end of an installation: what WSL starts programs by leads into the system from now on, and the rest goes away.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::error::{Error, Result};
use super::place::{member_path, open_parent};
use super::state::State;
use super::unpack::NEW;
use crate::system::installer::{ARCHIVE, DIRECTORY, Manifest};

/// Brings all that was written to the disk: a virtual machine that is cut off afterwards starts with a whole system.
///
/// # Errors
/// When the disk does not take it.
pub fn flush(state: &State) -> Result<()> {
    let root = root(state)?;
    rustix::fs::syncfs(&root).map_err(|error| Error::at("", error))
}

/// Replaces the entry points, each by one rename, and removes what only the installer needed. Everything else must be in
/// place and on the disk. May be repeated after a kill at any point.
///
/// # Errors
/// When a path cannot be replaced or removed.
pub fn switch(state: &State, manifest: &Manifest) -> Result<()> {
    // The largest part first: after the last rename nobody knows any more that something is left.
    remove(state, ARCHIVE)?;
    let root = root(state)?;
    let new = Path::new(DIRECTORY).join(NEW);
    for (position, path) in manifest.entry_points.iter().enumerate() {
        let fail = |error: rustix::io::Errno| Error::at(path, error);
        let path = member_path(path.as_bytes())
            .map_err(|problem| Error::Member { path: path.into(), problem: problem.to_owned() })?;
        let beside = new.join(position.to_string());
        let (from, from_name) = open_parent(root.as_fd(), &beside).map_err(fail)?;
        let (to, to_name) = open_parent(root.as_fd(), &path).map_err(fail)?;
        match rustix::fs::renameat(&from, from_name, &to, to_name) {
            // An earlier run has done it.
            Err(rustix::io::Errno::NOENT) if state.root().join(&path).exists() => {}
            result => result.map_err(fail)?,
        }
    }
    flush(state)?;
    // Without a manifest the system counts as installed.
    remove(state, crate::system::installer::MANIFEST)?;
    let directory = state.path(DIRECTORY);
    fs::remove_dir_all(&directory).map_err(|error| Error::at(DIRECTORY, error))
}

fn root(state: &State) -> Result<std::os::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(state.root(), flags, Mode::empty()).map_err(|error| Error::at("", error))
}

fn remove(state: &State, path: &str) -> Result<()> {
    match fs::remove_file(state.path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::at(path, error)),
        _ => Ok(()),
    }
}
