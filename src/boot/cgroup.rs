//! A cgroup of systemd's own, below the root of the hierarchy that this distribution sees.
//!
//! That root may be the whole virtual machine's, where every distribution has its groups (W§5.4). So the name is one that no
//! other has, and a group that somebody else could have made is left alone while there are processes in it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsmount, fsopen, open_tree,
};

use crate::sys::namespace::make_writable;

/// How each name begins.
pub const PREFIX: &str = "nixos-wsl-";
/// Where WSL keeps what distributions run, under a limit of memory; at the top are its own processes (W§5.4).
const USER: &str = "wsl-user";
/// So many groups of one distribution can have processes that do not end.
const MOST: u32 = 100;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// The root of the unified hierarchy.
///
/// The mount that is there is used: making one without its options would take `nsdelegate` from all (S§8.3). Only beside
/// an old hierarchy, and of one that is read-only, a mount nobody sees.
///
/// # Errors
/// Those of the mount.
pub fn hierarchy() -> io::Result<OwnedFd> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let whole = |line: &&str| line.contains(" - cgroup2 ") && line.split(' ').nth(3) == Some("/");
    if let Some([path, options]) = mounts.lines().find(whole).map(columns) {
        let folder = openat(CWD, path, FOLDER, Mode::empty())?;
        if !options.split(',').any(|option| option == "ro") {
            return Ok(folder);
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let copy = open_tree(&folder, "", flags | OpenTreeFlags::AT_EMPTY_PATH)?;
        make_writable(copy.as_fd())?;
        return Ok(copy);
    }
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// Mount point and options of a line of `mountinfo`.
fn columns(line: &str) -> [&str; 2] {
    let mut columns = line.split(' ').skip(4);
    [columns.next().unwrap_or_default(), columns.next().unwrap_or_default()]
}

/// A name that no other distribution of the virtual machine has: that of this boot and of the root file system.
///
/// # Errors
/// The root cannot be looked at.
fn name() -> io::Result<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let root = statat(CWD, "/", AtFlags::empty())?;
    Ok(format!("{PREFIX}{boot}-{:x}-{:x}", root.st_dev, root.st_ino))
}

/// Makes a cgroup of this distribution's own, empty, and gives its path and itself.
///
/// What an earlier systemd has left under the name is removed if it is empty. Where it is not, its processes may be
/// anybody's, and another name is taken.
///
/// # Errors
/// Those of the file system.
pub fn make(hierarchy: &OwnedFd) -> io::Result<(String, OwnedFd)> {
    let below_user = statat(hierarchy, USER, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let parent = if below_user { USER } else { "" };
    let name = name()?;
    for number in 1..=MOST {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = format!("{parent}/{name}{suffix}");
        let own = path.trim_start_matches('/');
        if is_empty(hierarchy, own) {
            let _ = remove_tree(hierarchy, own);
        }
        match mkdirat(hierarchy, own, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => continue,
            made => made?,
        }
        // Where the parent has processes of its own, controllers cannot be had, and systemd runs without.
        for controller in ["cpu", "io", "memory", "pids"] {
            let control = format!("{parent}/cgroup.subtree_control");
            let _ = write(hierarchy, control.trim_start_matches('/'), &format!("+{controller}"));
        }
        return Ok((format!("/{own}"), open(hierarchy, own)?));
    }
    Err(Errno::EXIST.into())
}

/// Whether a cgroup exists in which, and below which, there is no process.
fn is_empty(hierarchy: &OwnedFd, path: &str) -> bool {
    let file =
        openat(hierarchy, format!("{path}/cgroup.events"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let mut text = [0; 256];
    file.and_then(|file| rustix::io::read(file, &mut text))
        .is_ok_and(|length| text[..length].split(|&byte| byte == b'\n').any(|line| line == b"populated 0"))
}

/// Moves this process into a cgroup.
///
/// # Errors
/// Those of the file system.
pub fn join(group: &OwnedFd) -> io::Result<()> {
    write(group, "cgroup.procs", "0")
}

/// Opens a cgroup.
///
/// # Errors
/// Those of the file system.
pub fn open(hierarchy: &OwnedFd, path: &str) -> io::Result<OwnedFd> {
    Ok(openat(hierarchy, path.trim_start_matches('/'), FOLDER, Mode::empty())?)
}

fn write(hierarchy: &OwnedFd, path: &str, text: &str) -> io::Result<()> {
    let file = openat(hierarchy, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes())?;
    Ok(())
}

/// Kills what is left in a cgroup and removes it with all below it; only for one that is recorded as ours.
///
/// # Errors
/// A process does not die within `patience`.
pub fn remove(hierarchy: &OwnedFd, path: &str, patience: Duration) -> io::Result<()> {
    let path = path.trim_start_matches('/');
    let start = Instant::now();
    loop {
        let _ = write(hierarchy, &format!("{path}/cgroup.kill"), "1");
        match remove_tree(hierarchy, path) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(error) if start.elapsed() > patience => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The files of a cgroup go with it.
fn remove_tree(hierarchy: &OwnedFd, path: &str) -> Result<(), Errno> {
    let folder = openat(hierarchy, path, FOLDER, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let found = statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode)
            }
            kind => kind,
        };
        if kind == FileType::Directory && name != "." && name != ".." {
            remove_tree(hierarchy, &format!("{path}/{name}"))?;
        }
    }
    unlinkat(hierarchy, path, AtFlags::REMOVEDIR)
}
