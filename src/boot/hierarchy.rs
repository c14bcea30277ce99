//! What systemd finds at `/sys/fs/cgroup`, and which cgroup it starts in.
//!
//! WSL has had four layouts (W§5.4). systemd takes the group that it starts in for its root. In one of the layouts that is
//! the root of the virtual machine, where every other distribution's systemd has groups of the same names: the sessions of
//! one user are then in one group, and who stops them in one distribution kills them in all (microsoft/WSL#13985).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsmount, fsopen, move_mount, unmount,
};

use super::cgroup;
use crate::system::log::Log;

const TARGET: &str = "/sys/fs/cgroup";
/// `CGROUP2_SUPER_MAGIC`
const CGROUP2: u64 = 0x6367_7270;

/// Sees to the unified hierarchy alone, which is all that systemd knows from version 258 on. In namespace mode (`own`) this
/// process has a cgroup namespace, and sees its part alone; else it gets a group where other distributions use the same
/// names. What fails is a warning.
pub fn prepare(own: bool, log: &mut Log) {
    let unified = rustix::fs::statfs(TARGET).is_ok_and(|found| u64::try_from(found.f_type) == Ok(CGROUP2));
    if !unified {
        log.info(format_args!("{TARGET}: not the unified hierarchy; it takes the place of what is there"));
    }
    if (own || !unified)
        && let Err(error) = mount_unified(own)
    {
        log.warn(format_args!("{TARGET}: {error}"));
    }
    if !own && is_everybodys() {
        match group() {
            Ok(path) => log.info(format_args!(
                "cgroups: this WSL gives every distribution the same one; systemd gets {path}"
            )),
            Err(error) => log.warn(format_args!("cgroups: none of this distribution's own: {error}")),
        }
    }
}

/// Puts the unified hierarchy in the place of what is mounted: the kernel mounts no file system over itself.
fn mount_unified(own: bool) -> io::Result<()> {
    let new = unified(own).or_else(|_| unified(false))?;
    while unmount(TARGET, UnmountFlags::DETACH).is_ok() {}
    move_mount(new.as_fd(), "", CWD, TARGET, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(())
}

/// The options are the whole virtual machine's, as WSL has them; a namespace's mount changes none (S§8.3).
fn unified(own: bool) -> io::Result<OwnedFd> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_flag(&context, "nsdelegate")?;
    if own {
        fsconfig_set_flag(&context, "memory_recursiveprot")?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Whether this process is in the root cgroup of the virtual machine. In a cgroup namespace of the distribution's, WSL's
/// own init (process 2) is outside of the root, so that its path leads up.
fn is_everybodys() -> bool {
    let is_root = |process: &str| {
        let text = std::fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
        text.lines().any(|line| line == "0::/")
    };
    is_root("self") && is_root("2")
}

/// Moves this process into a group of the distribution's own.
fn group() -> io::Result<String> {
    let (path, group) = cgroup::make(&cgroup::hierarchy()?)?;
    cgroup::join(&group)?;
    Ok(path)
}
