//! The sockets of WSLg at `/tmp/.X11-unix`, where a file system that was mounted over `/tmp` hides those that WSL put there.
//!
//! Everyone may make names in `/tmp`. So the mount goes to the folder that was opened there, and to no link.

use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount_remount, move_mount, open_tree};

use crate::system::error::{Context, Failure};

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Mounts the folder `source` read-only at `target`, a name in a folder of root's, which is made if it is not there.
///
/// # Errors
/// Those of the system calls; `NOTDIR` if the name is a link or no folder.
pub fn mount(source: &Path, target: &Path) -> Result<(), Failure> {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(Failure::new("mount at", target, Errno::INVAL));
    };
    let parent = openat(CWD, parent, FOLDER, Mode::empty()).at(parent)?;
    match mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(Failure::new("make", target, error)),
    }
    let place = openat(&parent, name, FOLDER, Mode::empty()).at(target)?;
    let tree = open_tree(CWD, source, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)
        .at(source)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree.as_fd(), "", place.as_fd(), "", flags).doing_at("mount at", target)?;
    // The tree is the mount now.
    let mounted = format!("/proc/self/fd/{}", tree.as_raw_fd());
    mount_remount(
        mounted,
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        c"",
    )
    .doing_at("make read-only", target)
}
