//! The user's end of the way in: the first program of a session that `nixos-wsl-enter` has opened. It finds its caller's
//! arguments and environment in memory, and goes on as if it had been started with them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::setpgid;
use rustix::stdio::stdin;

use super::caller::Caller;
use super::limits;
use super::task::Task;
use crate::sys::namespace::{block_signals, own_group, passed, set_foreground};
use crate::system::message;

/// The descriptor of the caller.
pub const CALLER: i32 = 3;
/// The descriptor on which the process outside waits for a word.
pub const REPORT: i32 = 4;
/// What the shell writes there; any other message is the reason why there is none.
pub const STARTED: &[u8] = b"1";

/// How the session's first program goes on, as `nixos-wsl-enter` tells it by its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// What the caller asked for.
    pub task: Task,
    /// The caller is in the foreground of its terminal.
    pub foreground: bool,
    /// The user's login shell.
    pub shell: PathBuf,
}

impl Resume {
    /// As arguments.
    #[must_use]
    pub fn arguments(&self) -> [OsString; 3] {
        let place = if self.foreground { "foreground" } else { "background" };
        [self.task.word().into(), place.into(), self.shell.clone().into()]
    }

    /// Reads what [`Resume::arguments`] gave.
    #[must_use]
    pub fn parse(arguments: &[OsString]) -> Option<Self> {
        let [task, place, shell] = arguments else { return None };
        let foreground = match place.to_str()? {
            "foreground" => true,
            "background" => false,
            _ => return None,
        };
        Some(Self { task: Task::parse(task)?, foreground, shell: shell.into() })
    }
}

/// What a session has of its own, or of whoever started it; the caller's must not come through.
const OF_SESSION: [&str; 14] = [
    "CREDENTIALS_DIRECTORY",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGNAME",
    "MAIL",
    "NOTIFY_SOCKET",
    "SHELL",
    "USER",
    "XDG_RUNTIME_DIR",
];
/// What `runuser` sets for a shell of its own.
const OF_RUNUSER: [&str; 6] = ["_", "PATH", "PWD", "SHELL", "SHLVL", "TERM"];

/// Goes on as the caller; comes back with the reason if there is none.
///
/// Whoever starts this program can give it arguments and descriptors. They get what they could have had without it, and
/// only a caller that root has recorded is believed.
///
/// # Errors
/// One line.
pub fn run(resume: &Resume) -> Result<Infallible, String> {
    let data = passed(CALLER).filter(is_roots).and_then(Caller::unpack);
    let caller = data.ok_or("only nixos-wsl-enter starts this program")?;
    let environment = merge(&caller, std::env::vars_os(), &resume.shell);
    rustix::process::umask(Mode::from_raw_mode(caller.umask & 0o777));
    limits::restore_lower(&caller.limits);
    change_directory(&caller, &environment);
    if resume.foreground && caller.argv.len() < 2 {
        take_foreground();
    }
    if let Some(report) = passed(REPORT) {
        let _ = rustix::io::write(report.as_fd(), STARTED);
    }
    let error = match resume.task {
        Task::Program => execute(&caller.argv, &environment),
        Task::Login | Task::Enter => crate::sys::execve(&resume.shell, &caller.argv, Some(&environment)),
    };
    Err(error.to_string())
}

/// Becomes a program that is looked for in `PATH`; comes back with the reason why not.
#[must_use]
pub fn execute(argv: &[OsString], environment: &[(OsString, OsString)]) -> std::io::Error {
    let fixed = ["sh", "-c", "exec \"$@\"", "nixos-wsl"].map(OsString::from);
    crate::sys::execve(Path::new("/bin/sh"), fixed.iter().chain(argv), Some(environment))
}

/// A file in memory belongs to whoever made it, for good.
fn is_roots(file: &OwnedFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|found| found.st_uid == 0)
}

/// The caller's environment with the session's own variables.
fn merge(
    caller: &Caller,
    session: impl Iterator<Item = (OsString, OsString)>,
    shell: &Path,
) -> Vec<(OsString, OsString)> {
    let mut all: BTreeMap<OsString, OsString> = caller
        .variables()
        .filter(|(name, _)| {
            !OF_SESSION.iter().any(|own| name == *own) && !name.as_bytes().starts_with(b"XDG_SESSION_")
        })
        .collect();
    all.extend(session.filter(|(name, _)| !OF_RUNUSER.iter().any(|own| name == *own)));
    all.insert("SHELL".into(), shell.into());
    all.into_iter().collect()
}

/// By path, because a descriptor would lead to the mount outside; `/root` is where WSL puts those it has no place for.
fn change_directory(caller: &Caller, environment: &[(OsString, OsString)]) {
    let home = environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.clone());
    let Some(directory) = &caller.directory else {
        let _ = rustix::process::chdir(home.as_deref().unwrap_or(OsStr::new("/")));
        return;
    };
    if let Err(error) = rustix::process::chdir(directory) {
        if directory != Path::new("/root") {
            message::print_error(format_args!(
                "nixos-wsl: {}: {error}; going home instead",
                directory.display()
            ));
        }
        if rustix::process::chdir(home.as_deref().unwrap_or(OsStr::new("/"))).is_err() {
            let _ = rustix::process::chdir("/");
        }
    }
}

/// Gives an interactive shell a process group that it can see: that of its caller has its leader outside, and some shells
/// do without job control there.
fn take_foreground() {
    if setpgid(None, None).is_ok() {
        block_signals();
        set_foreground(stdin(), own_group());
        crate::sys::reset_signals();
    }
}
