//! The cgroup of a running distribution: made, emptied and removed from outside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sim::wire::error::{Error, Result};
use crate::system::error::{Context, Failure};

/// Where the unified hierarchy is mounted: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` beside the old ones.
///
/// # Errors
///
/// It is mounted nowhere.
pub fn hierarchy() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").doing_at("read", "/proc/self/mountinfo")?;
    mounts
        .lines()
        .filter(|line| line.contains(" - cgroup2 "))
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .next()
        .ok_or_else(|| {
            Error::Missing(
                "no cgroup2 hierarchy is mounted here: mount -t cgroup2 cgroup2 /sys/fs/cgroup (or use a machine with one)"
                    .into(),
            )
        })
}

/// Whether the machine's hierarchy has `nsdelegate`. WSL mounts it so (W§5.4), but the kernel lets nobody in a cgroup
/// namespace of his own switch it, and the simulator leaves the machine's mount alone.
#[must_use]
pub fn nsdelegate() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut hierarchies = mounts.lines().filter_map(|line| line.split_once(" - cgroup2 "));
    hierarchies.any(|(_, options)| options.split([' ', ',']).any(|option| option == "nsdelegate"))
}

/// How long the processes of a cgroup may take to die of `SIGKILL`.
pub const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Kills every process in a cgroup and below, and removes it. One that does not exist is no error.
///
/// # Errors
///
/// A process does not die within `limit`.
pub fn remove(cgroup: &Path, limit: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    loop {
        match fs::write(cgroup.join("cgroup.kill"), "1") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            _ => {}
        }
        match remove_tree(cgroup) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error).doing_at("remove", cgroup),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Removes directories only: the files of a cgroup cannot be deleted and go with it.
fn remove_tree(cgroup: &Path) -> io::Result<()> {
    for entry in fs::read_dir(cgroup)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    match fs::remove_dir(cgroup) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
