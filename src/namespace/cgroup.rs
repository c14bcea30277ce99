//! The cgroup of systemd: made outside, where the right to move processes into it is.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// The cgroup's name below the distribution's.
const NAME: &str = "nixos-wsl";
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// The root of the unified hierarchy.
///
/// The mount that is there is used: making one without its options would take `nsdelegate` from all (S§8.3). Only beside
/// an old hierarchy, a mount nobody sees.
///
/// # Errors
/// Those of the mount.
pub fn hierarchy() -> io::Result<OwnedFd> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let whole = |line: &&str| line.contains(" - cgroup2 ") && line.split(' ').nth(3) == Some("/");
    if let Some(path) = mounts.lines().find(whole).and_then(|line| line.split(' ').nth(4)) {
        return Ok(openat(CWD, path, FOLDER, Mode::empty())?);
    }
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// Where the cgroup belongs: below that of process 1, which no user can have chosen.
///
/// # Errors
/// `/proc` cannot be read.
pub fn path() -> io::Result<String> {
    let own = std::fs::read_to_string("/proc/1/cgroup")?;
    let base = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let base = base.trim_end_matches('/');
    Ok(format!("{}/{NAME}", base.strip_suffix("/non-systemd").unwrap_or(base)))
}

/// Makes the cgroup, empty: what an earlier systemd left is removed.
///
/// # Errors
/// Those of the file system.
pub fn make(hierarchy: &OwnedFd, path: &str) -> io::Result<OwnedFd> {
    remove(hierarchy, path, Duration::from_secs(5))?;
    let path = path.trim_start_matches('/');
    mkdirat(hierarchy, path, Mode::from_raw_mode(0o755))?;
    // Where the parent has processes of its own, controllers cannot be had, and systemd runs without.
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    for controller in ["cpu", "io", "memory", "pids"] {
        let control = format!("{parent}/cgroup.subtree_control");
        let _ = write(hierarchy, control.trim_start_matches('/'), &format!("+{controller}"));
    }
    open(hierarchy, path)
}

/// Opens a cgroup.
///
/// # Errors
/// Those of the file system.
pub fn open(hierarchy: &OwnedFd, path: &str) -> io::Result<OwnedFd> {
    Ok(openat(hierarchy, path.trim_start_matches('/'), FOLDER, Mode::empty())?)
}

fn write(hierarchy: &OwnedFd, path: &str, text: &str) -> io::Result<()> {
    let file = openat(hierarchy, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes())?;
    Ok(())
}

/// Kills what is left in a cgroup and removes it with all below it.
///
/// # Errors
/// A process does not die within `patience`.
pub fn remove(hierarchy: &OwnedFd, path: &str, patience: Duration) -> io::Result<()> {
    let path = path.trim_start_matches('/');
    let start = Instant::now();
    loop {
        let _ = write(hierarchy, &format!("{path}/cgroup.kill"), "1");
        match remove_tree(hierarchy, path) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(error) if start.elapsed() > patience => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The files of a cgroup go with it.
fn remove_tree(hierarchy: &OwnedFd, path: &str) -> Result<(), Errno> {
    let folder = openat(hierarchy, path, FOLDER, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let found = statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode)
            }
            kind => kind,
        };
        if kind == FileType::Directory && name != "." && name != ".." {
            remove_tree(hierarchy, &format!("{path}/{name}"))?;
        }
    }
    unlinkat(hierarchy, path, AtFlags::REMOVEDIR)
}
