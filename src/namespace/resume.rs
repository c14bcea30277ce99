//! The user's end of the way in: a login shell that finds its caller's arguments and environment in memory, and goes on
//! as if it had been started with them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::setpgid;
use rustix::stdio::stdin;

use super::caller::Caller;
use super::{OUTSIDE, limits};
use crate::sys::namespace::{block_signals, own_group, passed, set_foreground};

/// The variable that says that a caller is to be found.
pub const MARK: &str = "NIXOS_WSL_RESUME";
/// Its value inside, for a caller in the foreground of its terminal.
pub const FOREGROUND: &str = "foreground";
/// Its value inside, for any other caller.
pub const BACKGROUND: &str = "background";
/// Its value where the way in has failed.
pub const FAILED: &str = "outside";
/// The descriptor of the caller.
pub const CALLER: i32 = 3;
/// The descriptor on which the process outside waits for a word.
pub const REPORT: i32 = 4;
/// In the caller's environment: run the arguments instead of a shell (`nixos-wsl exec`).
pub const EXEC: &str = "NIXOS_WSL_EXEC";
/// In the caller's environment: rather no shell than one outside.
pub const STRICT: &str = "NIXOS_WSL_STRICT";

/// What a session has of its own, or of whoever started it; the caller's must not come through.
const OF_SESSION: [&str; 16] = [
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
    OUTSIDE,
    EXEC,
];
/// What `runuser` sets for a shell of its own.
const OF_RUNUSER: [&str; 6] = ["_", "PATH", "PWD", "SHLVL", "TERM", MARK];

/// Goes on as the caller; comes back if there is none, or with the exit code if that is all.
#[must_use]
pub fn run() -> Option<ExitCode> {
    let mark = std::env::var_os(MARK)?;
    let outside = mark == FAILED;
    // The variable alone means nothing: it may have come from anywhere.
    let caller = Caller::unpack(passed(CALLER)?)?;
    if outside && variable(&caller, STRICT).is_some() {
        return Some(ExitCode::FAILURE);
    }
    let session: Vec<(OsString, OsString)> = if outside { Vec::new() } else { std::env::vars_os().collect() };
    let environment = merge(&caller, session, outside);
    rustix::process::umask(Mode::from_raw_mode(caller.umask & 0o777));
    limits::lower(&caller.limits);
    change_directory(&caller, &environment);
    if !outside {
        if mark == FOREGROUND && caller.argv.len() < 2 {
            take_foreground();
        }
        if let Some(report) = passed(REPORT) {
            let _ = rustix::io::write(report.as_fd(), b"1");
        }
    }
    let error = if variable(&caller, EXEC).is_some() && !outside {
        let fixed = ["sh", "-c", "exec \"$@\"", "nixos-wsl"].map(OsString::from);
        crate::sys::execve(Path::new("/bin/sh"), fixed.iter().chain(&caller.argv), Some(&environment))
    } else {
        crate::sys::execve(Path::new("/proc/self/exe"), &caller.argv, Some(&environment))
    };
    eprintln!("nixos-wsl: {error}");
    Some(ExitCode::FAILURE)
}

fn variable<'a>(caller: &'a Caller, name: &str) -> Option<&'a OsStr> {
    caller.environment.iter().find_map(|text| {
        text.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(OsStr::from_bytes)
    })
}

/// The caller's environment with the session's own variables.
fn merge(caller: &Caller, session: Vec<(OsString, OsString)>, outside: bool) -> Vec<(OsString, OsString)> {
    let mut all = BTreeMap::new();
    for text in &caller.environment {
        let bytes = text.as_bytes();
        let Some(equals) = bytes.iter().position(|&byte| byte == b'=').filter(|&at| at > 0) else { continue };
        let name = OsString::from_vec(bytes[..equals].to_vec());
        let of_session = OF_SESSION.iter().any(|own| name == *own)
            || name.as_bytes().starts_with(b"XDG_SESSION_")
            || name == MARK;
        if outside || !of_session {
            all.insert(name, OsString::from_vec(bytes[equals + 1..].to_vec()));
        }
    }
    if outside {
        all.remove(OsStr::new(MARK));
        all.remove(OsStr::new(EXEC));
        all.insert(OUTSIDE.into(), "1".into());
    }
    all.extend(session.into_iter().filter(|(name, _)| !OF_RUNUSER.iter().any(|own| name == *own)));
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
            eprintln!("nixos-wsl: {}: {error}; going home instead", directory.display());
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
