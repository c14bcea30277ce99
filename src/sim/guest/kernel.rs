//! What a distribution sees of the kernel and its settings: the virtual machine's, and never this machine's.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{MountFlags, OpenTreeFlags, mount, mount_bind, mount_remount, open_tree};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, move_into_link_name_space, move_into_thread_name_spaces,
};

use crate::sim::guest::mounts::{attach, directory, mount_tree, place, share};
use crate::sim::wire::disks::{AttachedDisk, DiskDevice};
use crate::sim::wire::vm::{OF_NAMESPACES, Vm};
use crate::system::error::{Context, Failure};

const OF_PROC: MountFlags =
    MountFlags::BIND.union(MountFlags::NOSUID).union(MountFlags::NODEV).union(MountFlags::NOEXEC);
/// What there is of a `/sys` without FUSE: folders that programs look into, and the place of the cgroups. Nothing of it is this
/// machine's, because NixOS' activation makes `/sys` writable.
const EMPTY_SYS: [&str; 7] = ["block", "bus", "class", "dev", "devices", "fs/cgroup", "kernel"];
/// The mounts of the virtual machine that all of its distributions have.
pub struct SharedMounts {
    /// `/mnt/wsl`.
    pub wsl: OwnedFd,
    /// `/sys`, if the virtual machine has one, which takes FUSE.
    pub sys: Option<OwnedFd>,
    /// `/proc/sys`, likewise.
    pub proc_sys: Option<OwnedFd>,
    /// Devices of the disks that are attached to it.
    pub devices: Vec<DiskDevice>,
    /// Why nothing keeps its processes from this machine's settings, where that is so.
    pub unguarded: Option<String>,
}

impl SharedMounts {
    /// Takes them along; to be called in the machine's own mounts.
    ///
    /// # Errors
    ///
    /// The virtual machine is gone, or the system's.
    pub fn open(vm: &Vm, vm_init: &OwnedFd) -> Result<Self, Failure> {
        // The registry's folder has it.
        let disks = vm.shared.parent().map(AttachedDisk::all).unwrap_or_default();
        let devices: Vec<_> = disks.iter().flat_map(|disk| disk.devices().unwrap_or_default()).collect();
        let open = |path: &str| File::open(path).doing_at("open", path);
        let (own, root) = (open("/proc/self/ns/mnt")?, open("/")?);
        move_into_thread_name_spaces(vm_init.as_fd(), ThreadNameSpaceType::MOUNT)
            .doing("join the virtual machine's mounts")?;
        let clone = |path: &Path| {
            // With what is mounted below it already.
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_RECURSIVE;
            open_tree(CWD, path, flags).doing_at("take along", path)
        };
        let optional = |path: &Path| path.exists().then(|| clone(path)).transpose();
        let taken = clone(&vm.wsl()).and_then(|wsl| {
            Ok(Self {
                wsl,
                sys: optional(&vm.sys())?,
                proc_sys: optional(&vm.proc_sys())?,
                devices,
                unguarded: fs::read_to_string(vm.unguarded()).ok(),
            })
        });
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount)).doing("go back")?;
        rustix::process::fchdir(&root).doing_at("enter", "/")?;
        rustix::process::chroot(".").doing_at("enter", "/")?;
        taken
    }

    /// What is kept while the distribution runs; the rest has its place, and is closed.
    #[must_use]
    pub fn into_wsl(self) -> OwnedFd {
        self.wsl
    }
}

/// Mounts `/sys`.
///
/// # Errors
///
/// The system's.
pub fn mount_sys(vm: &SharedMounts) -> Result<(), Failure> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
    match &vm.sys {
        Some(sys) => place(sys, "/sys")?,
        None => empty_sys(flags)?,
    }
    share("/sys")
}

fn empty_sys(flags: MountFlags) -> Result<(), Failure> {
    attach("tmpfs", "/sys", flags, "mode=755")?;
    for name in EMPTY_SYS {
        let path = format!("/sys/{name}");
        fs::create_dir_all(&path).doing_at("make", &path)?;
    }
    mount_remount("/sys", flags | MountFlags::BIND | MountFlags::RDONLY, "").doing_at("protect", "/sys")
}

/// Has systemd's programs believe in a `/sys` and a `/dev` that are no sysfs and no devtmpfs by their kind: they ask, so that
/// nobody takes a cgroup for a device, and a container does not listen to its host's udev.
///
/// # Errors
///
/// The system's.
pub fn trust_simulated_sys(vm: &SharedMounts) -> Result<(), Failure> {
    if vm.sys.is_none() {
        return Ok(());
    }
    let folder = "/run/systemd/system.conf.d";
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).doing_at("make", folder)?;
    let path = format!("{folder}/wsl-sim.conf");
    let variable = "SYSTEMD_DEVICE_VERIFY_SYSFS=0";
    let text = format!("[Manager]\nManagerEnvironment={variable}\nDefaultEnvironment={variable}\n");
    fs::write(&path, text).doing_at("write", &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).doing_at("set the mode of", &path)?;
    // It starts before udev: where this is missing and `/dev` is no devtmpfs, it would never hear of a device.
    directory("/run/udev", 0o755)?;
    let control = "/run/udev/control";
    fs::write(control, "").doing_at("write", control)?;
    fs::set_permissions(control, fs::Permissions::from_mode(0o600)).doing_at("set the mode of", control)
}

/// Mounts what must not be the machine's own below a new `/proc`, which nobody shares yet: each of these would be mounted on
/// its copy too.
///
/// # Errors
///
/// The system's.
pub fn mount_proc_sys(vm: &SharedMounts) -> Result<(), Failure> {
    match &vm.proc_sys {
        Some(proc_sys) => own_settings(proc_sys)?,
        None => protect_settings()?,
    }
    protect("/proc/sysrq-trigger")?;
    binfmt()
}

/// The virtual machine's settings of the kernel, but for those of the distribution's own namespaces.
fn own_settings(proc_sys: &OwnedFd) -> Result<(), Failure> {
    let clone = |name: &&'static str| {
        let path = format!("/proc/sys/{name}");
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        // A kernel may lack one of them.
        open_tree(CWD, &path, flags).ok().map(|tree| (path, tree))
    };
    let own: Vec<_> = OF_NAMESPACES.iter().filter_map(clone).collect();
    place(proc_sys, "/proc/sys")?;
    own.iter().try_for_each(|(path, tree)| mount_tree(tree, path).doing_at("mount", path))
}

/// The machine's settings of the kernel; only those of the network are the virtual machine's own.
fn protect_settings() -> Result<(), Failure> {
    protect("/proc/sys")?;
    if Path::new("/proc/sys/net").exists() {
        mount_bind("/proc/sys/net", "/proc/sys/net").doing_at("bind", "/proc/sys/net")?;
        mount_remount("/proc/sys/net", OF_PROC, "").doing_at("open", "/proc/sys/net")?;
    }
    Ok(())
}

fn protect(path: &str) -> Result<(), Failure> {
    if Path::new(path).exists() {
        mount_bind(path, path).doing_at("bind", path)?;
        mount_remount(path, OF_PROC | MountFlags::RDONLY, "").doing_at("protect", path)?;
    }
    Ok(())
}

/// The registry of binary formats is the kernel's: files of the same names stand in.
fn binfmt() -> Result<(), Failure> {
    let path = "/proc/sys/fs/binfmt_misc";
    if !Path::new(path).exists() {
        return Ok(());
    }
    mount("binfmt_misc", path, "tmpfs", MountFlags::RELATIME, c"mode=755").doing_at("mount", path)?;
    for (name, contents) in [
        ("status", "enabled\n"),
        ("register", ""),
        ("WSLInterop", "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n"),
    ] {
        let path = format!("{path}/{name}");
        fs::write(&path, contents).doing_at("write", &path)?;
        let mode = if name == "register" { 0o200 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).doing_at("set the mode of", &path)?;
    }
    Ok(())
}
