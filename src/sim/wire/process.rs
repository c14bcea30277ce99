//! Processes by pid and start time, which together name one process for ever, and the end of them.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::system::wait;

/// A process on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub pid: u32,
    /// Clock ticks from the machine's boot to its start.
    pub start: u64,
}

impl Identity {
    /// The process with that id at this moment.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, a closing parenthesis too.
        let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
        let state = fields.next()?;
        let ticks = fields.nth(18)?.parse().ok()?;
        (state != "Z" && state != "X").then_some(Self { pid, start: ticks })
    }

    /// This process.
    #[must_use]
    pub fn own() -> Self {
        let pid = std::process::id();
        Self::of(pid).unwrap_or(Self { pid, start: 0 })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// The process itself, which no other can become; `None` if it has ended.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn open(self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match pidfd_open(pid, PidfdFlags::empty()) {
            // The descriptor first: what is compared afterwards is then the process that it stands for.
            Ok(process) => Ok(self.alive().then_some(process)),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Tells a process to end, and kills one that does not within the first limit: the signal of which it ended.
///
/// # Errors
///
/// It does not die of that within the second (`TimedOut`), or the system's.
pub fn end(process: impl AsFd, limits: [Duration; 2]) -> io::Result<Signal> {
    for (signal, limit) in [Signal::TERM, Signal::KILL].into_iter().zip(limits) {
        match pidfd_send_signal(&process, signal) {
            // It has ended meanwhile, which is what is waited for.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
        if wait::readable(&process, limit)? {
            return Ok(signal);
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_only_the_one_that_was_meant() {
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a process");
        let identity = Identity::of(child.id()).expect("it runs");
        let process = identity.open().expect("a descriptor").expect("it runs");
        let other = Identity { start: identity.start + 1, ..identity };
        assert!(other.open().expect("no error").is_none(), "another of the same id");
        assert!(!wait::readable(&process, Duration::ZERO).expect("no error"));
        drop(child.stdin.take());
        assert!(wait::readable(&process, Duration::from_secs(600)).expect("no error"));
        child.wait().expect("its end");
        assert!(identity.open().expect("no error").is_none(), "it has ended");
    }

    #[test]
    fn a_process_that_does_not_end_is_killed() {
        let long = Duration::from_secs(600);
        for (line, limits, signal) in [
            ("echo ready; read line", [long; 2], Signal::TERM),
            ("trap '' TERM; echo ready; read line", [Duration::ZERO, long], Signal::KILL),
        ] {
            let mut child = Command::new("sh");
            child.args(["-c", line]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = child.spawn().expect("a process");
            let mut ready = String::new();
            let output = child.stdout.take().expect("a pipe");
            BufReader::new(output).read_line(&mut ready).expect("a line");
            assert_eq!(ready, "ready\n");
            let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("a descriptor");
            assert_eq!(end(&process, limits).expect("its end"), signal);
            assert_eq!(child.wait().expect("its status").signal(), Some(signal.as_raw()));
            assert_eq!(end(&process, limits).expect("no error"), Signal::TERM, "it has ended already");
        }
    }
}
