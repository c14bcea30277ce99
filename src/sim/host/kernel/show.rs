//! Mounts a view on one of the kernel's file systems.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use fuser::{Config, Session, SessionACL};
use rustix::fs::{Mode, OFlags, makedev, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, UnmountFlags, fsconfig_create, fsconfig_set_flag,
    fsmount, fsopen, mount, unmount,
};

use crate::sim::host::kernel::files::{KernelFileSystem, KernelFiles};

/// Settings whose reading waits for something must not hold up the others.
const THREADS: usize = 4;

/// Mounts a view on a directory; it lasts as long as this process. `false` where this machine has no FUSE to give.
///
/// # Errors
///
/// The kernel's.
pub fn show(shown: KernelFileSystem, target: &Path) -> io::Result<bool> {
    let Some(device) = device()? else { return Ok(false) };
    let filesystem = KernelFiles::new(shown, lower(shown)?)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
    let options = format!(
        "fd={},rootmode=40555,user_id=0,group_id=0,allow_other,default_permissions",
        device.as_raw_fd()
    );
    let kind = match shown {
        KernelFileSystem::Sys => "fuse.sysfs",
        KernelFileSystem::ProcSys => "fuse.proc",
    };
    mount("wsl-sim", target, kind, flags, CString::new(options)?.as_c_str())?;
    let mut config = Config::default();
    config.acl = SessionACL::All;
    config.n_threads = Some(THREADS);
    let session = Session::from_fd(filesystem, device.into(), SessionACL::All, config);
    // Nobody joins it: it ends with the process.
    let spawned = session.and_then(|session| session.spawn().map(drop));
    spawned.inspect_err(|_| {
        // Nobody would answer there.
        let _ = unmount(target, UnmountFlags::DETACH);
    })?;
    Ok(true)
}

/// `/dev/fuse`, if this machine has it and lets it be opened. A container may have another device in its place.
fn device() -> io::Result<Option<File>> {
    match File::options().read(true).write(true).open("/dev/fuse") {
        Ok(file) => {
            let found = file.metadata()?.rdev() == makedev(10, 229);
            Ok(found.then_some(file))
        }
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO | Errno::ACCESS | Errno::PERM) => Ok(None),
            _ => Err(error),
        },
    }
}

/// The kernel's own, mounted nowhere. That of `/sys` is a read-only file system, not only a read-only mount: this network
/// namespace's next mount of it is read-only too, until somebody has it otherwise.
fn lower(shown: KernelFileSystem) -> io::Result<OwnedFd> {
    let kind = if shown == KernelFileSystem::Sys { "sysfs" } else { "proc" };
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    if shown == KernelFileSystem::Sys {
        fsconfig_set_flag(&context, "ro")?;
    }
    fsconfig_create(&context)?;
    let top = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    match shown {
        KernelFileSystem::Sys => Ok(top),
        KernelFileSystem::ProcSys => {
            Ok(openat(&top, "sys", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
        }
    }
}
