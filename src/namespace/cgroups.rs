//! The record of the cgroups that this start of the distribution has made: only they are its own to kill.

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::rundir::{RunDir, RunError};
use crate::boot::cgroup;
use crate::system::error::{Context, Failure};

/// The file, one path a line.
const NAME: &str = "cgroups";

/// Adds one.
///
/// # Errors
/// [`RunError`].
pub fn record(folder: &RunDir, path: &str) -> Result<(), RunError> {
    let mut paths = recorded(folder);
    paths.push(path.to_owned());
    folder.replace(NAME, (paths.join("\n") + "\n").as_bytes(), 0o600)
}

fn recorded(folder: &RunDir) -> Vec<String> {
    let bytes = folder.read(NAME).unwrap_or_default();
    let own = |path: &&str| path.rsplit('/').next().is_some_and(|name| name.starts_with(cgroup::PREFIX));
    String::from_utf8_lossy(&bytes).lines().filter(own).map(Into::into).collect()
}

/// Removes all that are recorded, with the processes in them, and the record.
///
/// # Errors
/// A process does not die within `patience`.
pub fn remove(folder: &RunDir, hierarchy: &OwnedFd, patience: Duration) -> Result<(), Failure> {
    for path in recorded(folder) {
        cgroup::remove(hierarchy, &path, patience).doing_at("remove the cgroup", &path)?;
    }
    folder.remove(NAME);
    Ok(())
}
