//! Disks of a virtual machine that runs: attached, their file systems mounted below `/mnt/wsl`, and detached. The folder of
//! the records is the registry's.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, mknodat, openat, openat2, unlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, UnmountFlags, fsconfig_create, fsmount, fsopen,
    mount as mount_file_system, unmount,
};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};

use crate::sim::host::disks::holder;
use crate::sim::host::record::InstanceRecord;
use crate::sim::host::registry::replace;
use crate::sim::wire::disks::{AttachedDisk, DiskDevice, DiskMount};
use crate::sim::wire::error::Result;
use crate::sim::wire::registration::delete;
use crate::sim::wire::vm::Vm;
use crate::sys::simulator::unshare;
use crate::system::error::{Context, Failure};

/// What of the options is no file system's (mount(8)).
const FLAGS: [(&str, MountFlags); 12] = [
    ("ro", MountFlags::RDONLY),
    ("rw", MountFlags::empty()),
    ("defaults", MountFlags::empty()),
    ("nosuid", MountFlags::NOSUID),
    ("nodev", MountFlags::NODEV),
    ("noexec", MountFlags::NOEXEC),
    ("noatime", MountFlags::NOATIME),
    ("nodiratime", MountFlags::NODIRATIME),
    ("relatime", MountFlags::RELATIME),
    ("strictatime", MountFlags::STRICTATIME),
    ("sync", MountFlags::SYNCHRONOUS),
    ("dirsync", MountFlags::DIRSYNC),
];

/// Writes the records.
///
/// # Errors
///
/// The system's.
pub fn record(home: &Path, disks: &[AttachedDisk]) -> Result<(), Failure> {
    let json = serde_json::to_vec(disks).map_err(io::Error::from).doing("encode the disks")?;
    replace(&home.join(AttachedDisk::RECORD), &json)
}

/// What `wsl --shutdown` does: the next virtual machine has none of them.
///
/// # Errors
///
/// The system's.
pub fn forget(home: &Path) -> Result<(), Failure> {
    delete(&home.join(AttachedDisk::RECORD))
}

/// Attaches a disk; every distribution that runs has its devices then.
///
/// # Errors
///
/// It is no disk, or the system's.
pub fn attach(home: &Path, vm: &Vm, disk: &str, vhd: bool) -> Result<AttachedDisk> {
    let (holder, number) = holder::start(home, vm, Path::new(disk), vhd)?;
    let attached = AttachedDisk { disk: disk.into(), vhd, holder, number, mounts: Vec::new() };
    announce(home, vm, &attached).inspect_err(|_| {
        let _ = release(home, &attached);
    })?;
    Ok(attached)
}

/// Gives a new disk's devices to every distribution that runs.
fn announce(home: &Path, vm: &Vm, disk: &AttachedDisk) -> Result<(), Failure> {
    let devices = disk.devices().doing_at("look at", &disk.disk)?;
    in_distributions(home, |dev| {
        for DiskDevice { name, device } in &devices {
            let _ = mknodat(dev, name, FileType::BlockDevice, Mode::from_raw_mode(0o600), *device);
        }
    });
    // The kernel has announced it before there was a node.
    let announced = in_machine(vm, || {
        for DiskDevice { name, .. } in &devices {
            let file = vm.sys().join("class/block").join(name).join("uevent");
            if vm.sys().exists() {
                fs::write(file, "add")?;
            }
        }
        Ok(())
    });
    announced.doing_at("announce", &disk.disk)
}

/// Takes a disk's devices from every distribution, and frees it. The nodes go first: what comes after may be another's, who
/// is given the same loop device.
///
/// # Errors
///
/// It is not let go.
pub fn release(home: &Path, disk: &AttachedDisk) -> io::Result<()> {
    let devices = disk.devices().unwrap_or_default();
    in_distributions(home, |dev| {
        for device in &devices {
            let _ = unlinkat(dev, &device.name, AtFlags::empty());
        }
    });
    holder::end(disk.holder)
}

/// Mounts a file system of a disk below `/mnt/wsl`, for all distributions.
///
/// # Errors
///
/// The kernel's.
pub fn mount(vm: &Vm, disk: &AttachedDisk, wanted: &DiskMount) -> io::Result<()> {
    let name = match wanted.partition {
        0 => format!("loop{}", disk.number),
        partition => format!("loop{}p{partition}", disk.number),
    };
    let device = disk.devices()?.into_iter().find(|device| device.name == name).ok_or(Errno::NXIO)?;
    let node = Node::new(&device)?;
    // By its name where the machine has it there, because the table of mounts shows it.
    let usual = Path::new("/dev").join(&name);
    let there = usual.metadata().is_ok_and(|found| found.rdev() == device.device);
    let source = if there { usual } else { node.path().into() };
    let words = wanted.options.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let (mut flags, mut data) = (MountFlags::empty(), Vec::new());
    for word in words {
        match FLAGS.iter().find(|(name, _)| *name == word) {
            Some((_, flag)) => flags |= *flag,
            None => data.push(word),
        }
    }
    let data = CString::new(data.join(","))?;
    let kind = wanted.kind.as_deref().unwrap_or("ext4");
    let target = vm.wsl().join(&wanted.name);
    in_machine(vm, || {
        match fs::create_dir(&target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Root of a distribution may have put a link there: it leads nowhere.
        let place = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(CWD, &target, place, Mode::empty())?;
        let place = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let mounted = mount_file_system(&source, place, kind, flags, data.as_c_str());
        if mounted.is_err() {
            let _ = fs::remove_dir(&target);
        }
        Ok(mounted?)
    })
}

/// Unmounts what is mounted of a disk, and detaches it.
///
/// # Errors
///
/// Something of it is in use; what could be unmounted is.
pub fn detach(home: &Path, vm: &Vm, disk: &mut AttachedDisk) -> io::Result<()> {
    while let Some(mount) = disk.mounts.last() {
        let target = vm.wsl().join(&mount.name);
        in_machine(vm, || {
            match unmount(&target, UnmountFlags::NOFOLLOW) {
                // Somebody else has unmounted it.
                Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = fs::remove_dir(&target);
            Ok(())
        })?;
        disk.mounts.pop();
    }
    for device in &disk.devices().unwrap_or_default() {
        // Who has mounted it keeps others from having it alone.
        Node::new(device)?.alone()?;
    }
    release(home, disk)
}

/// Attaches the disks of a virtual machine that has ended to the next, as they were.
///
/// # Errors
///
/// The record cannot be written; disks that are no more are forgotten, as WSL forgets them.
pub fn restore(home: &Path, vm: &Vm) -> Result<(), Failure> {
    let before = AttachedDisk::all(home);
    if before.is_empty() {
        return Ok(());
    }
    let again = before.into_iter().filter_map(|old| {
        let mut disk = attach(home, vm, &old.disk, old.vhd).ok()?;
        disk.mounts = old.mounts.into_iter().filter(|wanted| mount(vm, &disk, wanted).is_ok()).collect();
        Some(disk)
    });
    let again: Vec<_> = again.collect();
    record(home, &again).inspect_err(|_| {
        // Nobody would know of them.
        for disk in &again {
            let _ = release(home, disk);
        }
    })
}

/// Frees the disks of a virtual machine that has ended; their record stays.
///
/// # Errors
///
/// The system's.
pub fn free(home: &Path) -> Result<(), Failure> {
    let disks = AttachedDisk::all(home);
    disks.iter().try_for_each(|disk| holder::end(disk.holder).doing_at("free", &disk.disk))
}

/// A device's node, where nobody else sees it.
struct Node(OwnedFd);

impl Node {
    fn new(device: &DiskDevice) -> io::Result<Self> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let tree = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        mknodat(&tree, "disk", FileType::BlockDevice, Mode::from_raw_mode(0o600), device.device)?;
        Ok(Self(tree))
    }

    fn path(&self) -> String {
        format!("/proc/self/fd/{}/disk", self.0.as_raw_fd())
    }

    /// Fails where the device is mounted.
    fn alone(&self) -> io::Result<()> {
        openat(&self.0, "disk", OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC, Mode::empty())?;
        Ok(())
    }
}

/// Does something in the mount namespace of the virtual machine, in a thread that ends with it.
fn in_machine<T: Send>(vm: &Vm, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let init = vm.init.open()?.ok_or(Errno::SRCH)?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(UnshareFlags::FS)?;
            move_into_thread_name_spaces(init.as_fd(), ThreadNameSpaceType::MOUNT)?;
            act()
        });
        thread.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")))
    })
}

/// Does something in the `/dev` of every distribution that runs.
fn in_distributions(home: &Path, act: impl Fn(&OwnedFd)) {
    for entry in fs::read_dir(home.join("distributions")).into_iter().flatten().flatten() {
        let record = InstanceRecord::read(&entry.path()).filter(|record| record.supervisor.alive());
        let Some(first) = record.and_then(|record| record.first).filter(|first| first.alive()) else {
            continue;
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dev = openat(CWD, format!("/proc/{}/root", first.pid), flags, Mode::empty()).and_then(|root| {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            openat2(&root, "dev", flags, Mode::empty(), resolve)
        });
        if let Ok(dev) = dev {
            act(&dev);
        }
    }
}
