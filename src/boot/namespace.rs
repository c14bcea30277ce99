//! Process 1 of namespace mode, before it is systemd: its cgroup namespace and its mounts (S§7.2, step 9).

use std::fs::{self, DirBuilder};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind, mount_change,
    mount_remount, move_mount, open_tree,
};
use rustix::thread::UnshareFlags;

use crate::sys::namespace::unshare;
use crate::system::log::Log;

const BINFMT: &str = "/proc/sys/fs/binfmt_misc/status";
/// Where the system's message bus listens, which /var/run leads to as well.
const BUS: &str = "/run/dbus";
const LOCK: &str = "/run/nixos-wsl/binfmt-status";

/// Arguments of systemd. The kernel's log is the whole machine's, so it is no place for one distribution's messages.
pub const ARGUMENTS: [&str; 3] = ["/sbin/init", "--log-target=journal", "--show-status=0"];

/// Divides this process's world from the one outside; what fails is a warning.
pub fn prepare(log: &mut Log) {
    let mut step = |name: &str, result: Result<(), std::io::Error>| {
        if let Err(error) = result {
            log.warn(format_args!("{name}: {error}"));
        }
    };
    let _ = rustix::process::setsid();
    let _ = rustix::process::setpriority_process(None, 0);
    let _ = fs::write("/proc/self/oom_score_adj", "0");
    // Only now, in the cgroup that is to be the root of it.
    step("cgroup namespace", unshare(UnshareFlags::NEWCGROUP));
    // What is mounted outside comes in, what is mounted inside stays here and reaches the services' own namespaces.
    for flag in [MountPropagationFlags::DOWNSTREAM, MountPropagationFlags::SHARED] {
        step("/", mount_change("/", flag | MountPropagationFlags::REC).map_err(Into::into));
    }
    step("/proc", processes());
    step(BUS, bus());
    step(BINFMT, protect_binfmt());
}

/// A `/proc` for the new process ids, with what was mounted below the old one (`binfmt_misc`) in its place.
fn processes() -> std::io::Result<()> {
    let mounted: Vec<(PathBuf, OwnedFd)> = below("/proc")
        .into_iter()
        .filter_map(|path| {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            open_tree(CWD, &path, flags).ok().map(|tree| (path, tree))
        })
        .collect();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None)?;
    for (path, tree) in mounted {
        move_mount(tree.as_fd(), "", CWD, &path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    }
    Ok(())
}

/// The mount points below a directory, each after those it lies on.
fn below(directory: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .filter(|path| path.starts_with(directory) && path != Path::new(directory))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A folder for the bus that the world outside does not have. Who calls from another process namespace has no process id in
/// this one, and logind aborts on it (`sd_bus_creds_get_pid`): a single `su -` outside would end every login inside.
fn bus() -> std::io::Result<()> {
    let made = DirBuilder::new().mode(0o755).create(BUS);
    if let Err(error) = made
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount("dbus", BUS, "tmpfs", flags, c"mode=755")?)
}

/// systemd clears the kernel's list of binary formats when it stops, and with it that of every distribution.
fn protect_binfmt() -> std::io::Result<()> {
    if !Path::new(BINFMT).exists() {
        return Ok(());
    }
    fs::write(LOCK, "enabled\n")?;
    mount_bind(LOCK, BINFMT)?;
    mount_remount(BINFMT, MountFlags::BIND | MountFlags::RDONLY, c"")?;
    Ok(())
}
