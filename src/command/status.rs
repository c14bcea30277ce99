//! What `nixos-wsl status` tells, and the way in that `nixos-wsl enter`, `exec` and `logs` take.

use std::ffi::OsString;
use std::path::Path;

use crate::namespace::privileges::{self, UserIds};
use crate::namespace::state::{NamespaceState, Phase};
use crate::namespace::task::Task;
use crate::namespace::{self, HELPER, is_inside, mounts_left_behind, resume, settings, starts_systemd};
use crate::system::accounts;
use crate::system::root::Root;

/// Where systemd is, seen from this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// This process lives beside it.
    Inside,
    /// It runs elsewhere, with this process id here.
    Running(i32),
    /// It is being started.
    Starting(i32),
    /// It is shutting down.
    Stopping(i32),
    /// Whoever enters first starts it.
    Stopped,
    /// WSL does not start it, and this system leaves it to WSL.
    Native,
    /// It has ended, and this process still has its mounts.
    Lost,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inside => write!(f, "running, and this shell is beside it"),
            Self::Running(pid) => write!(f, "running as process {pid}; this shell is outside"),
            Self::Starting(pid) => write!(f, "starting as process {pid}; this shell is outside"),
            Self::Stopping(pid) => {
                write!(f, "stopping as process {pid}; the next shell waits, and starts it again")
            }
            Self::Stopped => write!(f, "stopped; the next shell, or `nixos-wsl enter`, starts it"),
            Self::Native => write!(f, "not running; it is WSL's to start ([boot] systemd in /etc/wsl.conf)"),
            Self::Lost => write!(f, "ended, and with it {LEFT_BEHIND}"),
        }
    }
}

/// What is to be done where nothing works any more. `/proc` is that of the process namespace which ended with systemd.
const LEFT_BEHIND: &str =
    "all that this shell could do beside it: leave this shell with `exit`, and open another with `wsl`";

/// Finds out.
#[must_use]
pub fn status() -> Status {
    if mounts_left_behind() {
        return Status::Lost;
    }
    if is_inside() {
        return Status::Inside;
    }
    match NamespaceState::read().ok().and_then(NamespaceState::running) {
        Some(running) => match running.state.phase {
            Phase::Starting => Status::Starting(running.state.pid),
            Phase::Ready => Status::Running(running.state.pid),
            Phase::Stopping => Status::Stopping(running.state.pid),
        },
        None if starts_systemd() => Status::Stopped,
        None => Status::Native,
    }
}

/// Becomes a login shell, or a program, of `user` beside systemd; comes back only with the reason why not.
///
/// The way in works for whoever asks: root becomes the user first.
#[must_use]
pub fn open(user: Option<&str>, program: &[OsString]) -> String {
    let entry = match user {
        Some(name) => accounts::entry_named(&Root::default(), name),
        None => accounts::entry(&Root::default(), rustix::process::getuid().as_raw()),
    };
    let entry = match entry {
        Ok(entry) => entry,
        Err(reason) => return reason,
    };
    match status() {
        Status::Lost => return format!("systemd has ended, and with it {LEFT_BEHIND}"),
        Status::Native => {
            return "this system leaves systemd to WSL (wsl.systemd.mode), and it does not run here: `wsl --terminate` and \
                    `wsl` start both again, `nixos-wsl logs` and `nixos-wsl doctor` say what keeps it from running"
                .to_owned();
        }
        Status::Inside | Status::Running(_) | Status::Starting(_) | Status::Stopping(_) | Status::Stopped => {
        }
    }
    // Without a setuid program root's own shell is the way to that one user's (wsl.systemd.namespace.privileges).
    let of_root = !is_inside() && settings().systemd_user.is_some_and(|name| entry.name == *name);
    if user.is_some() && !of_root && entry.uid != rustix::process::getuid().as_raw() {
        let who = UserIds::of(&entry);
        if !rustix::process::geteuid().is_root() {
            return format!(
                "only root may open a shell of another user; try `sudo nixos-wsl enter -u {}`",
                entry.name.display()
            );
        }
        if let Err(error) = privileges::drop_to(who, Some(&[who.gid])) {
            return error.to_string();
        }
    }
    let mut shell = OsString::from("-");
    shell.push(entry.shell.file_name().unwrap_or_default());
    let (program, error) = match (is_inside(), program.is_empty()) {
        (true, true) => (entry.shell.as_path(), crate::sys::execve(&entry.shell, [shell], None)),
        (true, false) => {
            let variables: Vec<_> = std::env::vars_os().collect();
            (Path::new("/bin/sh"), resume::execute(program, &variables))
        }
        (false, true) => (Path::new(HELPER), namespace::enter(Task::Enter, &[shell], None)),
        (false, false) => (Path::new(HELPER), namespace::enter(Task::Program, program, None)),
    };
    format!("{}: {error}", program.display())
}
