//! The process that WSL waits for while the shell runs inside: passes signals on, stops with it, ends as it ends.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use rustix::stdio::{stderr, stdin, stdout};

use super::enter::Session;
use crate::sys::namespace::{foreground, leads_session, next_signal, own_group, send, set_foreground, stop};

/// Waits until the session is over; all signals are blocked. The result is its first process's.
#[must_use]
pub fn wait(session: &Session) -> ExitStatus {
    let terminal = Terminal::find();
    loop {
        loop {
            let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
            match waitpid(Some(session.leader), options) {
                Ok(Some((_, status))) if status.stopped() => pause(session, &terminal),
                Ok(Some((_, status))) => {
                    terminal.take_back();
                    return as_exit_status(status);
                }
                Ok(None) => break,
                Err(Errno::INTR) => {}
                Err(_) => return ExitStatus::from_raw(1 << 8),
            }
        }
        let Ok(arrived) = next_signal() else { continue };
        let forward = match arrived.signal {
            // A terminal's signals reach the shell as they reach this process.
            libc::SIGINT | libc::SIGQUIT => !arrived.kernel,
            libc::SIGHUP | libc::SIGTERM | libc::SIGUSR1 | libc::SIGUSR2 | libc::SIGALRM => true,
            _ => false,
        };
        if let Some(shell) = session.shell.as_ref().filter(|_| forward) {
            // It may have ended just now.
            let _ = send(shell.as_fd(), arrived.signal);
        }
    }
}

fn as_exit_status(status: WaitStatus) -> ExitStatus {
    ExitStatus::from_raw(status.as_raw())
}

/// The session has stopped (`^Z`): so does this process, and its parent sees it. A session leader has no parent that
/// would continue it; there the shell goes on.
fn pause(session: &Session, terminal: &Terminal) {
    if !leads_session() {
        let group = terminal.take_back();
        stop();
        if let Some(group) = group {
            terminal.give(group);
        }
    }
    let _ = kill_process(session.leader, Signal::CONT);
}

/// The terminal of the session, if this process was in its foreground.
struct Terminal(Option<BorrowedFd<'static>>);

impl Terminal {
    fn find() -> Self {
        let own = |stream: &BorrowedFd<'_>| foreground(*stream) == Some(own_group());
        Self([stdin(), stdout(), stderr()].into_iter().find(own))
    }

    /// Makes this process's group the foreground one again; gives the one that was it meanwhile.
    fn take_back(&self) -> Option<i32> {
        let current = foreground(self.0?).filter(|&group| group != own_group())?;
        self.give(own_group());
        Some(current)
    }

    fn give(&self, group: i32) {
        if let Some(terminal) = self.0 {
            set_foreground(terminal, group);
        }
    }
}
