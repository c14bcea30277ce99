//! The namespaces of a distribution and the mounts that WSL makes before anything of the distribution runs (W§4.2).
//!
//! Where the real thing would hand out the machine (`devtmpfs`, a writable `/proc/sys` and `/sys`, `binfmt_misc`, the
//! kernel's log), something harmless stands in its place.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_bind, mount_change,
    mount_remount, open_tree, unmount,
};
use rustix::process::{Signal, pivot_root, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitySet, ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces,
    remove_capability_from_bounding_set,
};

use crate::sim::guest::cgroup::Cgroups;
use crate::sim::guest::devices::{self, MachineDevices};
use crate::sim::guest::kernel::{self, SharedMounts};
use crate::sim::guest::mounts::{attach, directory, link, mount_tree, place, share};
use crate::sim::guest::overlay;
use crate::sim::guest::release::Release;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::start::Start;
use crate::sim::wire::version::Layout;
use crate::sim::wire::vm::Vm;
use crate::sys::simulator::unshare;
use crate::system::error::{Context, Failure};
use crate::system::wait;

/// Ties this process to the supervisor, with which it ends, and puts it where the virtual machine's processes are.
///
/// # Errors
///
/// The supervisor is gone, or the system's.
pub fn bind_to_supervisor(vm: &Vm, kmsg: &OwnedFd) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).doing("bind to the supervisor")?;
    check_supervisor(kmsg)?;
    let procs = vm.top().join("cgroup.procs");
    fs::write(&procs, "0").doing_at("write", &procs)?;
    Ok(())
}

/// What became of entering.
pub struct Entered {
    /// Whether its disk takes anything: otherwise the root is an overlay of it, and read-only.
    pub writable: bool,
    /// Devices that this machine does not give.
    pub missing: Vec<String>,
}

/// Goes into a distribution's root, in namespaces of its own and those of the virtual machine, with nothing of the machine's
/// tree in reach.
///
/// # Errors
///
/// What WSL's init would die of, or a privilege is missing.
pub fn enter(
    start: &Start,
    vm: &Vm,
    vm_init: &OwnedFd,
    cgroups: &Cgroups,
    shared: &SharedMounts,
    kmsg: &OwnedFd,
) -> Result<Entered> {
    let (root, init) = (start.root.as_path(), start.init.as_path());
    // Only mounts of the present namespace can be taken along.
    let log = open_tree(
        kmsg,
        "",
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH,
    )
    .map_err(|error| Error::privilege("take mounts along", &error.into()))?;
    let of_vm = ThreadNameSpaceType::NETWORK | ThreadNameSpaceType::CONTROL_GROUP;
    move_into_thread_name_spaces(vm_init.as_fd(), of_vm).doing("join the virtual machine")?;
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC)
        .map_err(|error| Error::privilege("make namespaces", &error))?;
    cgroups.divide().doing("make a cgroup namespace")?;
    drop_capabilities().doing("give up capabilities")?;
    let machine = MachineDevices::take();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .doing_at("make private", "/")?;
    let release = Release {
        version: vm.version,
        vm_id: vm.id.clone(),
        drives: start.drives.clone(),
        networking_mode: vm.networking_mode,
    };
    let program = program(init, &release).doing_at("copy", init)?;
    let processes = processes().doing("make a file system of the distribution's processes")?;
    let writable = overlay::writable(root)?;
    let overlaid = if writable { None } else { Some(overlay::attach(root, &vm.cgroup)?) };
    let root = overlaid.as_deref().unwrap_or(root);
    mount_bind(root, root).doing_at("bind", root)?;
    rustix::process::chdir(root).doing_at("enter", root)?;
    pivot_root(".", ".").doing_at("make the root", root)?;
    unmount(".", UnmountFlags::DETACH).doing("leave the machine's root")?;
    rustix::process::chdir("/").doing_at("enter", "/")?;
    File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o755)
        .open("/init")
        .doing_at("write", "/init")?;
    mount_tree(&program, "/init").doing_at("mount", "/init")?;
    let read_only = MountFlags::BIND | MountFlags::RDONLY;
    mount_remount("/init", read_only, "").doing_at("protect", "/init")?;
    if !writable {
        overlay::seal()?;
    }
    let missing = base(&log, &machine, &processes, shared, cgroups.layout())?;
    Ok(Entered { writable, missing })
}

/// Fails if the supervisor died before it could be bound to: the log's other end is its own.
fn check_supervisor(kmsg: &OwnedFd) -> Result<()> {
    let mut events = [PollFd::new(kmsg, PollFlags::OUT)];
    wait::until(&mut events, Instant::now()).doing("look for the supervisor")?;
    if events[0].revents().contains(PollFlags::HUP) {
        return Err(Error::Missing("the supervisor is gone".into()));
    }
    Ok(())
}

/// What could harm the machine although it lies in no namespace.
fn drop_capabilities() -> io::Result<()> {
    for capability in [
        CapabilitySet::SYS_MODULE,
        CapabilitySet::SYS_RAWIO,
        CapabilitySet::SYS_TIME,
        CapabilitySet::WAKE_ALARM,
    ] {
        remove_capability_from_bounding_set(capability)?;
    }
    Ok(())
}

/// A mount of a copy of the program: root inside can make a mount writable, and must not reach the original then.
fn program(init: &Path, release: &Release) -> io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let tree = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut copy = File::from(rustix::fs::openat(&tree, "init", flags, Mode::from_raw_mode(0o755))?);
    io::copy(&mut File::open(init)?, &mut copy)?;
    // Behind the program, where `/init` finds it under each of its names.
    release.add(&mut copy)?;
    copy.set_permissions(fs::Permissions::from_mode(0o755))?;
    Ok(open_tree(&tree, "init", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?)
}

/// `/proc`, made while another one is in sight: below a new root a user namespace gets none, and here only one whose files'
/// times are kept as the other's are.
fn processes() -> io::Result<OwnedFd> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", "proc")?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = |attributes| fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes);
    match mount(attributes | MountAttrFlags::MOUNT_ATTR_NOATIME) {
        Err(Errno::PERM) => Ok(mount(attributes)?),
        made => Ok(made?),
    }
}

/// Returns the devices that are missing.
fn base(
    log: &OwnedFd,
    machine: &MachineDevices,
    processes: &OwnedFd,
    vm: &SharedMounts,
    layout: Layout,
) -> Result<Vec<String>, Failure> {
    rustix::process::umask(Mode::empty());
    let (nosuid, nodev, noexec) = (MountFlags::NOSUID, MountFlags::NODEV, MountFlags::NOEXEC);
    attach("tmpfs", "/dev", nosuid, "mode=755")?;
    share("/dev")?;
    let missing = devices::make(machine, &vm.devices)?;
    File::create("/dev/kmsg").doing_at("make", "/dev/kmsg")?;
    mount_tree(log, "/dev/kmsg").doing_at("mount", "/dev/kmsg")?;
    kernel::mount_sys(vm)?;
    place(processes, "/proc")?;
    kernel::mount_proc_sys(vm)?;
    share("/proc")?;
    directory("/dev/block", 0o755)?;
    link("/proc/self/fd", "/dev/fd")?;
    for (index, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
        link(&format!("/proc/self/fd/{index}"), &format!("/dev/{name}"))?;
    }
    attach(
        "devpts",
        "/dev/pts",
        MountFlags::NOATIME | nosuid | noexec,
        "newinstance,ptmxmode=0666,gid=5,mode=620",
    )?;
    link("pts/ptmx", "/dev/ptmx")?;
    attach("tmpfs", "/run", nodev | MountFlags::STRICTATIME | nosuid, "mode=755")?;
    share("/run")?;
    kernel::trust_simulated_sys(vm)?;
    attach("tmpfs", "/run/lock", nodev | noexec | nosuid | MountFlags::NOATIME, "")?;
    attach("tmpfs", "/run/shm", nodev | nosuid | MountFlags::NOATIME, "")?;
    directory("/dev/shm", 0o777)?;
    mount_bind("/run/shm", "/dev/shm").doing_at("mount", "/dev/shm")?;
    attach("tmpfs", "/run/user", nosuid | noexec | nodev, "mode=755")?;
    directory("/bin", 0o755)?;
    for tool in ["/bin/wslinfo", "/bin/wslpath"] {
        link("/init", tool)?;
    }
    directory("/sbin", 0o755)?;
    link("/init", "/sbin/mount.drvfs")?;
    directory("/tmp", 0o1777)?;
    fs::create_dir_all("/sys/fs/cgroup").doing_at("make", "/sys/fs/cgroup")?;
    let mut hierarchy = "/sys/fs/cgroup";
    if layout == Layout::Hybrid {
        attach("tmpfs", hierarchy, nosuid | nodev | noexec, "mode=755")?;
        hierarchy = "/sys/fs/cgroup/unified";
    }
    attach("cgroup2", hierarchy, nosuid | nodev | noexec | MountFlags::RELATIME, "nsdelegate")?;
    Ok(missing)
}
