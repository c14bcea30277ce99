//! A distribution's disk that is a file, a VHDX (W§1.1), attached and mounted where only its user sees it.
//!
//! QEMU's storage daemon gives the disk's contents as a file, which a loop device makes a disk of. All of it hangs on a
//! mount namespace of the caller's own, so that nothing of it is left however the caller ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{major, minor};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::UnshareFlags;
use serde_json::json;

use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::sys::simulator::{die_with_parent, unshare};
use crate::system::error::{Context, Failure};

/// Name of the disk in its directory, as WSL chooses it (W§1.1).
pub const FILE_NAME: &str = "ext4.vhdx";

/// The folder of a distribution's where its disk is attached, which is empty for everybody else.
const MOUNT_POINT: &str = "mnt";

/// Where its file system is mounted there.
const ROOT: &str = "root";

const DAEMON: &str = "qemu-storage-daemon";

/// How long each step of attaching and detaching may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A disk that is attached, and its file system mounted.
pub struct AttachedVhd {
    daemon: Child,
    at: PathBuf,
}

/// The root directory of a distribution with that folder in the registry: its disk, or what is on it.
#[must_use]
pub fn root(folder: &Path, registration: &Registration) -> PathBuf {
    match registration.vhd_file_name {
        Some(_) => folder.join(MOUNT_POINT).join(ROOT),
        None => registration.disk(),
    }
}

/// Does something in the root directory of a distribution that does not run; a disk is attached meanwhile.
///
/// # Errors
///
/// The disk cannot be attached or detached; `act`'s.
pub fn with_root<T>(
    folder: &Path,
    registration: &Registration,
    act: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    let root = root(folder, registration);
    if registration.vhd_file_name.is_none() {
        return act(&root);
    }
    let attached = AttachedVhd::new(&registration.disk(), folder)?;
    let result = act(&root);
    attached.detach()?;
    result
}

impl AttachedVhd {
    /// Attaches the disk of the distribution with that folder in the registry.
    ///
    /// # Errors
    ///
    /// It is no disk, another has it, or it has no file system that the kernel takes.
    pub fn new(disk: &Path, folder: &Path) -> Result<Self> {
        if let Err(error) = disk.metadata() {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Error::wsl(
                    "Wsl/Service/CreateInstance/MountVhd/HCS/ERROR_FILE_NOT_FOUND",
                    format!(
                        "Failed to attach disk '{}' to WSL2: The system cannot find the file specified.",
                        disk.display()
                    ),
                ),
                _ => Failure::new("look at", disk, error).into(),
            });
        }
        let at = folder.join(MOUNT_POINT);
        fs::create_dir_all(&at).doing_at("make", &at)?;
        unshare(UnshareFlags::NEWNS).map_err(|error| Error::privilege("make a mount namespace", &error))?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
            .doing_at("make private", "/")?;
        mount("tmpfs", &at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=700")
            .doing_at("mount tmpfs on", &at)?;
        let (contents, root) = (at.join("disk"), at.join(ROOT));
        File::create(&contents).doing_at("make", &contents)?;
        fs::create_dir(&root).doing_at("make", &root)?;
        let mut attached = Self { daemon: start(disk, &contents)?, at };
        let mounted = attached.wait_until_given(&contents).and_then(|()| mount_disk(&contents, &root));
        match mounted {
            Ok(()) => Ok(attached),
            Err(error) => {
                attached.end()?;
                Err(error)
            }
        }
    }

    /// Waits until the disk's contents are there: the mount table changes then.
    fn wait_until_given(&mut self, contents: &Path) -> Result<()> {
        let table = File::open("/proc/self/mounts").doing_at("open", "/proc/self/mounts")?;
        let deadline = Instant::now() + LIMIT;
        // Its size is 0 as long as it is the file that is mounted over.
        while contents.metadata().doing_at("look at", contents)?.len() == 0 {
            if self.daemon.try_wait().doing("wait for the disk")?.is_some() || Instant::now() > deadline {
                return Err(Error::wsl(
                    "Wsl/Service/CreateInstance/MountVhd/HCS/ERROR_FILE_CORRUPT",
                    "Failed to attach disk to WSL2: The file or directory is corrupted and unreadable.",
                ));
            }
            let mut events = [PollFd::new(&table, PollFlags::PRI)];
            poll(&mut events, Some(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 }))
                .doing("wait for the disk")?;
        }
        Ok(())
    }

    /// Unmounts the file system once nobody else has it any more, and closes the disk: all is in its file then.
    ///
    /// # Errors
    ///
    /// Somebody keeps it, or the system's.
    pub fn detach(self) -> Result<(), Failure> {
        let root = self.at.join(ROOT);
        let device = root.metadata().doing_at("look at", &root)?.dev();
        unmount(&root, UnmountFlags::empty()).doing_at("unmount", &root)?;
        let backing = format!("/sys/dev/block/{}:{}/loop/backing_file", major(device), minor(device));
        let deadline = Instant::now() + LIMIT;
        // The namespaces of the distribution's processes, which have ended, are taken down after them.
        while Path::new(&backing).exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.end()
    }

    /// Has the daemon write what it has, and end.
    fn end(mut self) -> Result<(), Failure> {
        if let Some(pid) = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw)
            && self.daemon.try_wait().doing("wait for the disk")?.is_none()
        {
            kill_process(pid, Signal::TERM).doing("end the disk")?;
        }
        self.daemon.wait().doing("wait for the disk")?;
        unmount(&self.at, UnmountFlags::DETACH).doing_at("unmount", &self.at)
    }
}

fn start(disk: &Path, contents: &Path) -> Result<Child> {
    let file = disk.to_str().ok_or_else(|| unusable(disk))?;
    let contents = contents.to_str().ok_or_else(|| unusable(contents))?;
    let node = json!({
        "driver": "vhdx", "node-name": "disk", "discard": "unmap",
        "file": { "driver": "file", "filename": file },
    });
    let export = json!({
        "type": "fuse", "id": "contents", "node-name": "disk", "mountpoint": contents, "writable": true,
    });
    let mut command = Command::new(DAEMON);
    command.args(["--blockdev", &node.to_string(), "--export", &export.to_string()]);
    die_with_parent(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(needs_qemu)
}

fn unusable(path: &Path) -> Error {
    Error::Missing(format!("{}: a disk's path has to be UTF-8", path.display()))
}

/// As WSL mounts it (W§1.2).
fn mount_disk(contents: &Path, root: &Path) -> Result<()> {
    let mut command = Command::new("mount");
    command.args(["-t", "ext4", "-o", "loop,discard,errors=remount-ro,data=ordered"]).arg(contents).arg(root);
    die_with_parent(&mut command);
    let output = command.stdin(Stdio::null()).output().doing("start mount")?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Missing(format!(
        "the disk has no file system that is mounted here: {}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    )))
}

/// What to say where one of QEMU's programs cannot be started.
#[must_use]
pub fn needs_qemu(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::Missing("virtual disks take QEMU's tools: install qemu-utils".into());
    }
    Failure::new("start", DAEMON, error).into()
}
