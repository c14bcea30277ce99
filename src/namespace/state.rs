//! The life of a namespace systemd, as `/run/nixos-wsl/state` records it.
//!
//! ```text
//!              begin            Event::Started             Event::Stopping
//!   absent ───────────▶ starting ───────────────▶ ready ───────────────────▶ stopping
//!     ▲                    │  │                     ▲                         ▲  │ │
//!     │                    │  └──── Event::Stopping ┼─────────────────────────┘  │ │
//!     │                    │                        └────── Event::Resumed ──────┘ │
//!     └────────────────────┴── process 1 ends, whatever is recorded ◀──────────────┘
//! ```
//!
//! - `begin`: a shell's `nixos-wsl-enter` has made process 1; it holds the start lock until the phase is ready.
//! - `Started`: systemd has reached its target, or the shell has waited long enough. Nothing but this lock's holder says so.
//! - `Stopping`: `nixos-wsl stop`, or a service of the systemd itself as the first thing of its stop. `Resumed`: such a
//!   service after a soft reboot, which is a stop that process 1 survives.
//! - The end needs no word: a record counts only while the process that it names runs. The next start, or `nixos-wsl stop`,
//!   removes what is left.
//!
//! Each change reads the record anew under a lock of its own, `state.lock`, held for no longer, and is made only if the
//! record is still that of the systemd which it was meant for.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

use super::inode::inode;
use super::rundir::{RunDir, RunError};
use crate::system::wait;

/// The file's name.
pub const NAME: &str = "state";
const LOCK: &str = "state.lock";
const VERSION: u32 = 1;

/// Where in its life a systemd is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is being started, under the start lock.
    Starting,
    /// Shells can join it.
    Ready,
    /// It is shutting down: no shell is to join it any more.
    Stopping,
}

/// What happens to a systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is up.
    Started,
    /// It begins to shut down.
    Stopping,
    /// It has come up again, in the same process.
    Resumed,
}

impl Phase {
    /// The phase after an event.
    #[must_use]
    pub fn after(self, event: Event) -> Self {
        match (self, event) {
            (_, Event::Stopping) => Self::Stopping,
            (Self::Starting, Event::Started) | (Self::Stopping, Event::Resumed) => Self::Ready,
            // A stop that began during the start goes on; every boot says that it is up, not only one after a soft reboot.
            (phase, Event::Started | Event::Resumed) => phase,
        }
    }
}

/// A started systemd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Record", into = "Record")]
pub struct NamespaceState {
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
    /// Where in its life it is.
    pub phase: Phase,
    /// The format of the file that it was read from.
    version: u32,
}

/// The file's form, JSON: programs of an older or newer generation read and write it while one systemd runs.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    pid: i32,
    starttime: u64,
    pidns: u64,
    mntns: u64,
    origin: u64,
    cgroup: String,
    ready: bool,
    #[serde(default)]
    stopping: bool,
}

impl From<Record> for NamespaceState {
    fn from(record: Record) -> Self {
        let Record { version, pid, starttime, pidns, mntns, origin, cgroup, ready, stopping } = record;
        let phase = match (ready, stopping) {
            (_, true) => Phase::Stopping,
            (true, false) => Phase::Ready,
            (false, false) => Phase::Starting,
        };
        Self { pid, starttime, pidns, mntns, origin, cgroup, phase, version }
    }
}

impl From<NamespaceState> for Record {
    fn from(state: NamespaceState) -> Self {
        let NamespaceState { pid, starttime, pidns, mntns, origin, cgroup, phase, version } = state;
        let (ready, stopping) = (phase != Phase::Starting, phase == Phase::Stopping);
        Self { version, pid, starttime, pidns, mntns, origin, cgroup, ready, stopping }
    }
}

/// A systemd that runs: it can be signalled and joined without another process being hit.
#[derive(Debug)]
pub struct Running {
    /// What is recorded of it.
    pub state: NamespaceState,
    /// Its process.
    pub pidfd: OwnedFd,
}

impl NamespaceState {
    /// Records a process that is to become systemd; it must not be able to end meanwhile (the caller's child, or held by a
    /// descriptor).
    ///
    /// # Errors
    /// [`RunError`].
    pub fn begin(folder: &RunDir, pid: Pid, cgroup: String) -> Result<Self, RunError> {
        let process = pid.as_raw_nonzero().get();
        let name = process.to_string();
        let state = Self {
            pid: process,
            starttime: starttime(process).unwrap_or(0),
            pidns: inode(&name, "pid"),
            mntns: inode(&name, "mnt"),
            origin: inode("self", "mnt"),
            cgroup,
            phase: Phase::Starting,
            version: VERSION,
        };
        let _lock = lock(folder)?;
        state.write(folder)?;
        Ok(state)
    }

    /// Records an event of the systemd with this process namespace, and gives the record as it is then. Where another
    /// systemd is recorded, or none, nothing is changed.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn advance(folder: &RunDir, pidns: u64, event: Event) -> Result<Self, RunError> {
        let _lock = lock(folder)?;
        let mut state = Self::read()?;
        let phase = state.phase.after(event);
        if state.pidns == pidns && state.phase != phase {
            state.phase = phase;
            state.write(folder)?;
        }
        Ok(state)
    }

    /// Records an event of the systemd beside this process; for its own services.
    pub fn report(event: Event) {
        let own = inode("self", "pid");
        if Self::read().is_ok_and(|state| state.pidns == own) {
            // Without the record a shell that comes now is ended with the rest; that is no reason to hold up a stop.
            let _ = RunDir::open().and_then(|folder| Self::advance(&folder, own, event));
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

    fn write(&self, folder: &RunDir) -> Result<(), RunError> {
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

/// Held for one change of the record, so nobody waits long.
fn lock(folder: &RunDir) -> Result<std::fs::File, RunError> {
    folder.lock(LOCK, Duration::from_secs(5), || {})
}

/// Whether the process of a descriptor has ended.
pub fn ended(pidfd: impl AsFd) -> bool {
    wait::readable(pidfd, Duration::ZERO).unwrap_or(false)
}

/// The program's name in `stat` may hold blanks and parentheses: what counts comes after the last one.
fn starttime(pid: i32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let rest = &stat[stat.iter().rposition(|&byte| byte == b')')? + 1..];
    std::str::from_utf8(rest).ok()?.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_begins_during_the_start_is_not_forgotten() {
        use Phase::{Ready, Starting, Stopping};
        let after = |events: &[Event]| events.iter().fold(Starting, |phase, &event| phase.after(event));
        assert_eq!(after(&[Event::Started]), Ready);
        assert_eq!(after(&[Event::Stopping, Event::Started]), Stopping);
        assert_eq!(after(&[Event::Resumed]), Starting, "said by every boot, before the starter has seen it");
        assert_eq!(after(&[Event::Started, Event::Stopping, Event::Resumed]), Ready);
    }

    #[test]
    fn records_of_other_generations_are_read() {
        let text = |rest: &str| {
            format!(
                r#"{{"version":1,"pid":7,"starttime":1,"pidns":2,"mntns":3,"origin":4,"cgroup":"/x",{rest}}}"#
            )
        };
        for (rest, phase) in [
            (r#""ready":false"#, Phase::Starting),
            (r#""ready":true"#, Phase::Ready),
            (r#""ready":true,"stopping":true"#, Phase::Stopping),
        ] {
            let state: NamespaceState = serde_json::from_str(&text(rest)).expect("a record");
            assert_eq!(state.phase, phase, "{rest}");
            let again: NamespaceState =
                serde_json::from_slice(&serde_json::to_vec(&state).expect("JSON")).expect("a record");
            assert_eq!(again, state);
        }
    }
}
