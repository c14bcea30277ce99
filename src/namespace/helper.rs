//! `nixos-wsl-enter`, the one program with root's rights that any user may start (S§7.6).
//!
//! It takes no decision from its arguments, environment or working directory: whom it works for is the kernel's word,
//! everything else comes from files of root's. What the caller brought is handed on to a process of the caller's own.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::stdio::stdin;

use super::caller::Caller;
use super::privileges::{self, Who};
use super::resume::{CALLER, FAILED, MARK};
use super::state::State;
use super::{enter, inside, limits, settings, start, starts_systemd, waiter};
use crate::session::SHELLS;
use crate::sys;
use crate::sys::namespace::{block_signals, close_from, die_of, place};
use crate::system::accounts::{self, Entry};
use crate::system::root::Root;

/// The group that owns terminals, in WSL and in NixOS's own `/dev/pts` alike (W§6).
const TTY_GROUP: u32 = 5;

/// Opens the caller's shell beside systemd, or, with a reason why not, outside.
#[must_use]
pub fn run() -> ExitCode {
    close_from(3);
    let who = privileges::caller();
    let caller = Caller::of_this_process();
    let data = match caller.pack() {
        Ok(data) => data,
        Err(error) => {
            eprintln!("nixos-wsl-enter: {error}");
            return ExitCode::FAILURE;
        }
    };
    match session(who, &data) {
        Ok(status) => finish(status),
        Err(reason) => {
            if !reason.is_empty() {
                eprintln!("nixos-wsl: {reason}; this shell is outside systemd");
            }
            outside(who, &data)
        }
    }
}

/// The whole session, from root's rights to the shell's end. An empty reason means that there is nothing to say.
fn session(who: Who, data: &OwnedFd) -> Result<ExitStatus, String> {
    if inside() {
        return Err(String::new());
    }
    privileges::take().map_err(|error| format!("{}: {error}", super::HELPER))?;
    // An ignored one never comes, and with it the word that the shell has ended.
    sys::default_sigchld();
    block_signals();
    limits::reset();
    let settings = settings();
    if !starts_systemd() && State::read().is_err() {
        return Err("this system leaves systemd to WSL (wsl.systemd.mode)".to_owned());
    }
    let user = match (&settings.systemd_user, who.uid.is_root()) {
        (Some(name), true) => accounts::entry_named(&Root::default(), name),
        _ => accounts::entry(&Root::default(), who.uid.as_raw()),
    }?;
    let patience = Duration::from_secs(settings.systemd_timeout.clamp(1, 3600));
    let say = |text: &str| {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            eprintln!("nixos-wsl: {text}");
        }
    };
    let running = start::running(patience, say).map_err(|error| error.to_string())?;
    let lent = lend_terminal(who, &user);
    let session = enter::enter(&running, &user, data).map_err(|error| error.to_string());
    if session.is_ok() && !lent {
        // What is left to do needs no rights: waiting, and signals to the user's own process.
        privileges::drop_to(who, None).map_err(|error| error.to_string()).unwrap_or_else(|error| {
            eprintln!("nixos-wsl-enter: {error}");
            std::process::exit(1);
        });
    }
    let status = session.as_ref().map(waiter::wait).map_err(Clone::clone);
    if lent {
        let _ = rustix::fs::fchown(stdin(), Some(who.uid), Some(Gid::from_raw(TTY_GROUP)));
    }
    status
}

/// Where root's shell is another user's (WSL's default user root), that user needs the terminal: `gpg` and `script` open
/// it by name.
fn lend_terminal(who: Who, user: &Entry) -> bool {
    let lends = who.uid.is_root() && user.uid != 0 && rustix::termios::isatty(stdin());
    lends
        && rustix::fs::fchown(stdin(), Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(TTY_GROUP))).is_ok()
        && rustix::fs::fchmod(stdin(), Mode::from_raw_mode(0o620)).is_ok()
}

fn finish(status: ExitStatus) -> ExitCode {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        (_, Some(signal)) => die_of(signal),
        _ => ExitCode::FAILURE,
    }
}

/// The user's shell without systemd, with their own rights.
fn outside(who: Who, data: &OwnedFd) -> ExitCode {
    if let Err(error) = privileges::drop_to(who, None) {
        eprintln!("nixos-wsl-enter: {error}");
        return ExitCode::FAILURE;
    }
    let shell = accounts::entry(&Root::default(), who.uid.as_raw()).map(|entry| entry.shell);
    let shell = shell.unwrap_or_else(|error| {
        eprintln!("nixos-wsl-enter: {error}");
        PathBuf::new()
    });
    if !shell.starts_with(SHELLS) {
        eprintln!("nixos-wsl-enter: {}: not one of this system's login shells", shell.display());
        return ExitCode::FAILURE;
    }
    if let Err(error) = place(data.as_fd(), CALLER) {
        eprintln!("nixos-wsl-enter: {error}");
        return ExitCode::FAILURE;
    }
    sys::reset_signals();
    let environment: [(OsString, OsString); 1] = [(MARK.into(), FAILED.into())];
    let error = sys::execve(&shell, [&shell], Some(&environment));
    eprintln!("nixos-wsl-enter: {}: {error}", shell.display());
    ExitCode::FAILURE
}
