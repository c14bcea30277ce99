//! A read-only place made writable for this process, in mounts of its own: everybody else's view of it stays.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind_recursive, mount_change, mount_remount};

use super::error::{Context, Failure};

/// Makes `directory` writable for this process, if it is mounted read-only.
///
/// # Errors
/// Those of making a mount namespace, binding and remounting.
pub fn make_writable(directory: &Path) -> Result<(), Failure> {
    if is_read_only(directory)? {
        own()?;
        remount_writable(directory)?;
    }
    Ok(())
}

/// Leaves the caller's mounts for a copy of them.
///
/// # Errors
/// Those of `unshare(2)` and `mount(2)`.
pub fn own() -> Result<(), Failure> {
    let step = "mounts of its own";
    crate::sys::unshare_mounts().doing(step)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).doing(step)
}

/// Makes `directory` writable in this mount namespace.
///
/// # Errors
/// Those of `mount(2)`.
pub fn remount_writable(directory: &Path) -> Result<(), Failure> {
    if !is_read_only(directory)? {
        return Ok(());
    }
    let writable = || mount_remount(directory, MountFlags::BIND, c"");
    // Not a mount point of its own: it needs to become one first.
    writable().or_else(|_| mount_bind_recursive(directory, directory).and_then(|()| writable())).at(directory)
}

fn is_read_only(directory: &Path) -> Result<bool, Failure> {
    Ok(statvfs(directory).at(directory)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}
