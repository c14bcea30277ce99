//! `/run/nixos-wsl/state`: which process is systemd, and how to tell that it is still that one.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

use super::inode;
use super::rundir::{RunDir, RunError};

/// The file's name.
pub const NAME: &str = "state";
const VERSION: u32 = 1;

/// A started systemd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Format of the file.
    pub version: u32,
    /// Its process id outside.
    pub pid: i32,
    /// When the process was started: field 22 of its `stat`, in clock ticks after the boot.
    pub starttime: u64,
    /// Inode of its process namespace.
    pub pidns: u64,
    /// Inode of its mount namespace.
    pub mntns: u64,
    /// Inode of the mount namespace it was started from, whose Windows drives it has.
    pub origin: u64,
    /// Its cgroup, below the root of the hierarchy.
    pub cgroup: String,
    /// Its boot is complete.
    pub ready: bool,
    /// It is shutting down: no shell is to join it any more.
    #[serde(default)]
    pub stopping: bool,
}

/// A systemd that runs: it can be signalled and joined without another process being hit.
#[derive(Debug)]
pub struct Running {
    /// What is recorded of it.
    pub state: State,
    /// Its process.
    pub pidfd: OwnedFd,
}

impl State {
    /// Notes the process; it must not be able to end meanwhile (the caller's child, or held by a descriptor).
    #[must_use]
    pub fn of(pid: Pid, cgroup: String) -> Self {
        let process = pid.as_raw_nonzero().get();
        let name = process.to_string();
        Self {
            version: VERSION,
            pid: process,
            starttime: starttime(process).unwrap_or(0),
            pidns: inode(&name, "pid"),
            mntns: inode(&name, "mnt"),
            origin: inode("self", "mnt"),
            cgroup,
            ready: false,
            stopping: false,
        }
    }

    /// Notes that the systemd beside this process shuts down, or after a soft reboot that it does not; for its services.
    pub fn note_stopping(stopping: bool) {
        let Ok(state) = Self::read() else { return };
        if state.pidns == inode("self", "pid") && state.stopping != stopping {
            // Without the note a shell that comes now is ended with the rest; it is no reason to hold up the stop.
            let _ = RunDir::open().and_then(|folder| Self { stopping, ..state }.write(&folder));
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`RunError`], also if root has not written it.
    pub fn read() -> Result<Self, RunError> {
        let state: Self =
            serde_json::from_slice(&RunDir::open()?.read(NAME)?).map_err(|_| RunError::Foreign(NAME))?;
        if state.version == VERSION && state.pid > 1 { Ok(state) } else { Err(RunError::Foreign(NAME)) }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn write(&self, folder: &RunDir) -> Result<(), RunError> {
        folder.replace(NAME, &serde_json::to_vec(self).unwrap_or_default(), 0o644)
    }

    /// The process, if it is still the one that was recorded.
    ///
    /// The descriptor comes first: what is compared afterwards is then the process that it stands for. Namespaces can be
    /// compared by root alone; for others the time of the start has to do.
    #[must_use]
    pub fn running(self) -> Option<Running> {
        let pidfd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        let process = self.pid.to_string();
        let same = |now: u64, then: u64| now == then || now == 0 && !rustix::process::geteuid().is_root();
        let known = starttime(self.pid) == Some(self.starttime)
            && same(inode(&process, "pid"), self.pidns)
            && same(inode(&process, "mnt"), self.mntns);
        (known && !ended(&pidfd)).then_some(Running { state: self, pidfd })
    }
}

/// Whether the process of a descriptor has ended.
pub fn ended(pidfd: impl AsFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0)
}

/// The program's name in `stat` may hold blanks and parentheses: what counts comes after the last one.
fn starttime(pid: i32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let rest = &stat[stat.iter().rposition(|&byte| byte == b')')? + 1..];
    std::str::from_utf8(rest).ok()?.split_whitespace().nth(19)?.parse().ok()
}
