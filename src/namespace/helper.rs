//! `nixos-wsl-enter`, the one program with root's rights that any user may start (S§7.6).
//!
//! It takes no decision of root's from its arguments, environment or working directory: whom it works for is the kernel's
//! word, everything else comes from files of root's. What the caller brought, the task included, is handed on to a process
//! of the caller's own.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::stdio::stdin;

use super::caller::Caller;
use super::privileges::{self, UserIds};
use super::state::NamespaceState;
use super::task::Task;
use super::{SESSION, enter, is_inside, limits, refusals, resume, settings, start, starts_systemd, waiter};
use crate::session::SHELLS;
use crate::sys;
use crate::sys::namespace::{block_signals, close_from, die_of};
use crate::system::accounts::{self, Account};
use crate::system::message;
use crate::system::root::Root;

/// The group that owns terminals, in WSL and in NixOS's own `/dev/pts` alike (W§6).
const TTY_GROUP: u32 = 5;

/// `EX_USAGE`: started by hand without a task.
const USAGE: u8 = 64;

/// Opens the caller's shell beside systemd, or, with a reason why not, outside.
#[must_use]
pub fn run() -> ExitCode {
    close_from(3);
    let who = privileges::caller();
    let mut caller = Caller::of_this_process();
    let words: Vec<OsString> = caller.argv.drain(..caller.argv.len().min(2)).collect();
    let Some(task) = words.get(1).and_then(|word| Task::parse(word)) else {
        message::print_error(format_args!(
            "nixos-wsl-enter: `nixos-wsl enter` and `nixos-wsl exec` start this program"
        ));
        return ExitCode::from(USAGE);
    };
    let data = match caller.pack() {
        Ok(data) => data,
        Err(error) => {
            message::print_error(format_args!("nixos-wsl-enter: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match session(who, task, &data) {
        Ok(status) => finish(status),
        Err(reason) => {
            if !reason.is_empty() && task == Task::Login && rustix::process::geteuid().is_root() {
                refusals::record(who.uid);
            }
            outside(who, task, &caller, &reason)
        }
    }
}

/// How long a killed process 1 may take to be gone with all the processes of its namespace.
const DYING: Duration = Duration::from_secs(1);

/// The whole session, from root's rights to the shell's end. An empty reason means that there is nothing to report.
fn session(who: UserIds, task: Task, data: &OwnedFd) -> Result<ExitStatus, String> {
    if is_inside() {
        return Err(String::new());
    }
    privileges::take().map_err(|error| match settings().systemd_user {
        Some(_) => "by choice (wsl.systemd.namespace.privileges = \"root\") only the shells of plain `wsl` are beside systemd"
            .to_owned(),
        None => format!("{}: {error}", super::HELPER),
    })?;
    // An ignored one never comes, and with it the word that the shell has ended.
    sys::default_sigchld();
    block_signals();
    limits::reset();
    let settings = settings();
    if !starts_systemd() && NamespaceState::read().is_err() {
        return Err("this system leaves systemd to WSL (wsl.systemd.mode)".to_owned());
    }
    let user = match (&settings.systemd_user, who.uid.is_root()) {
        (Some(name), true) => accounts::entry_named(&Root::default(), name),
        _ => accounts::entry(&Root::default(), who.uid.as_raw()),
    }?;
    let patience = Duration::from_secs(settings.systemd_timeout.clamp(1, 3600));
    let report = |text: &str| message::report_on_terminal(&format!("nixos-wsl: {text}"));
    let running = start::running(patience, report).map_err(|error| error.to_string())?;
    let lent = lend_terminal(who, &user);
    let mut session = enter::enter(&running, &user, task, data);
    // A systemd that was dying as the session was opened: the next one has it.
    if session.is_err() && start::wait_for_end(&running.pidfd, DYING) {
        let running = start::running(patience, report).map_err(|error| error.to_string())?;
        session = enter::enter(&running, &user, task, data);
    }
    let session = session.map_err(|error| error.to_string());
    if session.is_ok() {
        refusals::forget(who.uid);
    }
    if session.is_ok() && !lent {
        // What is left to do needs no rights: waiting, and signals to the user's own process.
        privileges::drop_to(who, None).map_err(|error| error.to_string()).unwrap_or_else(|error| {
            message::print_error(format_args!("nixos-wsl-enter: {error}"));
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
fn lend_terminal(who: UserIds, user: &Account) -> bool {
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

/// What there is without systemd, with the caller's own rights and what the caller brought: a login shell comes whatever
/// happens; what was to be beside systemd does not.
fn outside(who: UserIds, task: Task, caller: &Caller, reason: &str) -> ExitCode {
    if let Err(error) = privileges::drop_to(who, None) {
        message::print_error(format_args!("nixos-wsl-enter: {error}"));
        return ExitCode::FAILURE;
    }
    match (reason, task) {
        ("", _) => {}
        (_, Task::Login) => {
            message::print_error(format_args!("nixos-wsl: {reason}; this shell is outside systemd"));
        }
        (_, Task::Enter | Task::Program) => {
            message::print_error(format_args!("nixos-wsl: {reason}"));
            return ExitCode::FAILURE;
        }
    }
    rustix::process::umask(Mode::from_raw_mode(caller.umask & 0o777));
    limits::restore_lower(&caller.limits);
    sys::reset_signals();
    let environment: Vec<(OsString, OsString)> = caller.variables().collect();
    let error = match task {
        Task::Program => resume::execute(&caller.argv, &environment).to_string(),
        Task::Login | Task::Enter => login(who, &caller.argv, &environment),
    };
    message::print_error(format_args!("nixos-wsl-enter: {error}"));
    ExitCode::FAILURE
}

/// Becomes the user's login shell, by a path from which it does not come back here.
fn login(who: UserIds, argv: &[OsString], environment: &[(OsString, OsString)]) -> String {
    let shell = match accounts::entry(&Root::default(), who.uid.as_raw()) {
        Ok(entry) => entry.shell,
        Err(error) => return error,
    };
    if !shell.starts_with(SHELLS) {
        return format!("{}: not one of this system's login shells", shell.display());
    }
    let fixed = ["nixos-wsl-session", "outside"].map(OsString::from);
    let error = sys::execve(Path::new(SESSION), fixed.iter().chain(argv), Some(environment));
    message::print_error(format_args!("nixos-wsl-enter: {SESSION}: {error}; /bin/sh takes its place"));
    sys::execve(Path::new("/bin/sh"), argv, Some(environment)).to_string()
}
