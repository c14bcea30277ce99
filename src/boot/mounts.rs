//! The mounts NixOS needs and WSL does not make: all of them best effort.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, lstat, mkdir, statat, unlink};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change, mount_remount,
};

use crate::system::log::Log;

/// Makes `/dev/shm` usable, `/` shared and `/nix/store` read-only; what fails is a warning (U§3 F26-F28).
pub fn prepare(log: &mut Log) {
    if let Err(error) = shared_memory() {
        log.warn(format_args!("/dev/shm: {error}"));
    }
    // WSL leaves `/` private, and containers then see empty volumes.
    if let Err(error) = mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC) {
        log.warn(format_args!("/: cannot be made a shared mount: {error}"));
    }
    if let Err(error) = read_only_store() {
        log.warn(format_args!("/nix/store: stays writable: {error}"));
    }
}

/// `/dev/shm` has been a link to `/run/shm`, a directory and a mount in versions of WSL (U§3 F26).
fn shared_memory() -> Result<(), Errno> {
    const SHM: &str = "/dev/shm";
    match lstat(SHM) {
        Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
            if is_mount_point(SHM) {
                return Ok(());
            }
        }
        Ok(_) => {
            unlink(SHM)?;
            mkdir(SHM, Mode::from_raw_mode(0o1777))?;
        }
        Err(Errno::NOENT) => mkdir(SHM, Mode::from_raw_mode(0o1777))?,
        Err(error) => return Err(error),
    }
    // One memory file system under both names, for programs that kept the older one.
    if is_mount_point("/run/shm") {
        return mount_bind_recursive("/run/shm", SHM);
    }
    mount("shm", SHM, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")
}

fn read_only_store() -> Result<(), Errno> {
    const STORE: &str = "/nix/store";
    if rustix::fs::statvfs(STORE)?.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Ok(());
    }
    mount_bind_recursive(STORE, STORE)?;
    mount_remount(STORE, MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV, c"")
}

/// Whether `path` is the root of a mount: its device differs from its parent's.
fn is_mount_point(path: &str) -> bool {
    let Some(parent) = Path::new(path).parent() else { return true };
    match (statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW), statat(CWD, parent, AtFlags::empty())) {
        (Ok(here), Ok(above)) => here.st_dev != above.st_dev,
        _ => false,
    }
}
