//! The devices of a distribution: nodes of its own, or the machine's where nobody may make one, as in a user namespace
//! (`user_namespaces(7)`).

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, OpenTreeFlags, mount_remount, open_tree};

use crate::sim::guest::mounts::{directory, mount_tree};
use crate::sim::wire::disks::DiskDevice;
use crate::system::error::{Context, Failure};

/// What every program may expect.
const DEVICES: [(&str, u32, u32); 8] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
    ("/dev/fuse", 10, 229),
    ("/dev/net/tun", 10, 200),
];

/// The machine's own nodes, in the order of `DEVICES`.
pub struct MachineDevices([Option<OwnedFd>; DEVICES.len()]);

impl MachineDevices {
    /// Takes them along; to be called in the machine's own mounts.
    #[must_use]
    pub fn take() -> Self {
        Self(DEVICES.map(|(path, major, minor)| {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let node = open_tree(CWD, path, flags).ok()?;
            let found = rustix::fs::fstat(&node).ok()?;
            // A container may have something else in its place.
            let device = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice
                && found.st_rdev == makedev(major, minor);
            device.then_some(node)
        }))
    }
}

/// Makes the nodes below a new `/dev`, and of the machine's disks only those that `wsl --mount` has attached. Returns those
/// that are missing then.
///
/// # Errors
///
/// The system's.
pub fn make(machine: &MachineDevices, disks: &[DiskDevice]) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    directory("/dev/net", 0o755)?;
    for ((path, major, minor), own) in DEVICES.into_iter().zip(&machine.0) {
        let made =
            mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(major, minor));
        match (made, own) {
            (Err(Errno::PERM), Some(node)) => show(node, path)?,
            (Err(Errno::PERM), None) => missing.push(path.to_owned()),
            (made, _) => made.doing_at("make", path)?,
        }
    }
    for DiskDevice { name, device } in disks {
        let path = format!("/dev/{name}");
        match mknodat(CWD, &path, FileType::BlockDevice, Mode::from_raw_mode(0o600), *device) {
            Err(Errno::PERM) => missing.push(path),
            made => made.doing_at("make", path)?,
        }
    }
    Ok(missing)
}

/// The machine's node: a read-only mount of it takes data all the same, but neither mode nor owner.
fn show(node: &OwnedFd, path: &str) -> Result<(), Failure> {
    File::create(path).doing_at("make", path)?;
    mount_tree(node, path).doing_at("mount", path)?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC;
    mount_remount(path, flags, "").doing_at("protect", path)
}
