//! What is on a virtual disk (VHDX or VHD), as a file: QEMU's storage daemon gives it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde_json::json;

use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::end;
use crate::sys::simulator::die_with_parent;
use crate::system::error::{Context, Failure};

const DAEMON: &str = "qemu-storage-daemon";

/// How long each step of attaching and detaching may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The daemon that gives a disk's contents; it ends with the thread that has started it.
pub struct VhdContents(Child);

impl VhdContents {
    /// Mounts the contents of a disk on a file, which comes to be.
    ///
    /// # Errors
    ///
    /// It is no disk, or another has it.
    pub fn new(disk: &Path, contents: &Path) -> Result<Self> {
        File::create(contents).doing_at("make", contents)?;
        let mut new = Self(start(disk, contents)?);
        match new.wait_until_given(contents) {
            Ok(()) => Ok(new),
            Err(error) => {
                new.end()?;
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
            if self.0.try_wait().doing("wait for the disk")?.is_some() || Instant::now() > deadline {
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

    /// Has the daemon write what it has, and end; one that does not is killed.
    ///
    /// # Errors
    ///
    /// It had to be killed, and may not have written everything, or the system's.
    pub fn end(mut self) -> Result<(), Failure> {
        if self.0.try_wait().doing("wait for the disk")?.is_some() {
            return Ok(());
        }
        // Nobody else reaps it: until then its id is its own.
        let daemon = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty()).doing("find the disk")?;
        let signal = end(&daemon, [LIMIT; 2]).doing("end the disk")?;
        self.0.wait().doing("wait for the disk")?;
        if signal == Signal::TERM {
            return Ok(());
        }
        Err(Failure::new("end the disk", "", io::ErrorKind::TimedOut))
    }
}

/// Waits until the kernel has let go of a loop device's file: the namespaces of the processes that had its file systems
/// mounted are taken down after them.
pub fn wait_until_free(device: &str) {
    let backing = format!("/sys/dev/block/{device}/loop/backing_file");
    let deadline = Instant::now() + LIMIT;
    while Path::new(&backing).exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(disk: &Path, contents: &Path) -> Result<Child> {
    let file = disk.to_str().ok_or_else(|| unusable(disk))?;
    let contents = contents.to_str().ok_or_else(|| unusable(contents))?;
    let driver = if file.to_ascii_lowercase().ends_with(".vhd") { "vpc" } else { "vhdx" };
    let node = json!({
        "driver": driver, "node-name": "disk", "discard": "unmap",
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

/// What to say where one of QEMU's programs cannot be started.
#[must_use]
pub fn needs_qemu(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::Missing(
            "virtual disks take QEMU's tools: install qemu-utils, and in Debian 12 qemu-system-common".into(),
        );
    }
    Failure::new("start", DAEMON, error).into()
}
