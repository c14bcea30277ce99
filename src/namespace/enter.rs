//! Joins systemd's namespaces and opens a login session in them (S§7.3).
//!
//! The session is PAM's, and `runuser` of the running system opens it: a static program cannot load PAM's modules. What it
//! starts is `nixos-wsl-session`, which gets the caller's arguments and environment sealed in memory and goes on from there
//! (`resume`), as the user's own login shell.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType, recvmsg,
    socketpair, sockopt,
};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, set_parent_process_death_signal, waitpid,
};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, move_into_link_name_space, move_into_thread_name_spaces,
};

use super::SESSION;
use super::drives::Drives;
use super::inode::inode;
use super::resume::{CALLER, REPORT, Resume, STARTED};
use super::start::wait_for_end;
use super::state::Running;
use super::task::Task;
use crate::boot::cgroup;
use crate::session::SHELLS;
use crate::sys::namespace::{Namespaces, foreground, own_group, place, send, split};
use crate::system::accounts::Account;
use crate::system::activation::CURRENT;
use crate::system::error::{Context, Failure};
use crate::system::message;

/// Why the session could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The user has no login shell of ours to go on with.
    #[error("the shell {} of {} is not one of this system's login shells", shell.display(), user.display())]
    Shell {
        /// The user.
        user: OsString,
        /// The shell in `/etc/passwd`.
        shell: PathBuf,
    },
    /// A step of it failed.
    #[error(transparent)]
    System(#[from] Failure),
    /// The session's process could not go on, and says why.
    #[error("{0}")]
    Process(String),
    /// The session's process ended before the shell was there.
    #[error("the login session could not be opened; `journalctl` says why")]
    Session,
}

/// An open session.
#[derive(Debug)]
pub struct Session {
    /// Its first process, a child of this one, which ends with the shell's exit code.
    pub leader: Pid,
    /// The shell, for signals.
    pub shell: Option<OwnedFd>,
}

/// Opens a session of `user` in the namespaces of `running`, for a `task`; `caller` is what their shell goes on with.
///
/// # Errors
/// [`EnterError`]; this process is then where it was.
pub fn enter(running: &Running, user: &Account, task: Task, caller: &OwnedFd) -> Result<Session, EnterError> {
    if !user.shell.starts_with(SHELLS) {
        return Err(EnterError::Shell { user: user.name.clone(), shell: user.shell.clone() });
    }
    let own = open("/proc/self/ns/pid", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .doing("find the own namespace")?;
    // Before anything else, and from outside: with `nsdelegate` no process can be moved in from within (S§7.3, step 0).
    let group = cgroup::hierarchy()
        .and_then(|hierarchy| cgroup::open(&hierarchy, &format!("{}/init.scope", running.state.cgroup)));
    let drives = (inode("self", "mnt") != running.state.origin).then(Drives::collect);
    let (receiver, sender) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .doing("make a socket")?;
    sockopt::set_socket_passcred(&receiver, true).doing("make a socket")?;
    move_into_thread_name_spaces(running.pidfd.as_fd(), ThreadNameSpaceType::PROCESS_ID)
        .doing("join systemd's namespaces")?;
    let child = match &group {
        Ok(group) => split(Namespaces::Inherited, Some(group.as_fd())),
        Err(error) => {
            message::print_error(format_args!(
                "nixos-wsl: systemd's cgroup: {error}; the session will lack some of its services"
            ));
            split(Namespaces::Inherited, None)
        }
    };
    if let Ok(None) = child {
        let error = in_child(running, user, task, drives, caller.as_fd(), sender.as_fd());
        // Whether this is worth a line is the helper's to say: it may have another systemd for the session.
        let _ = rustix::io::write(&sender, error.to_string().as_bytes());
        std::process::exit(1);
    }
    // Children of the shell outside, should it come to that, belong outside.
    let back = move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID));
    let Some((leader, process)) = child.doing("make the session's process")? else {
        return Err(EnterError::Session);
    };
    drop(sender);
    let shell = match back {
        Ok(()) => first_message(&receiver),
        Err(error) => Err(Failure::new("leave systemd's namespaces", "", error).into()),
    };
    match shell {
        Ok(shell) => Ok(Session { leader, shell: pidfd_open(shell, PidfdFlags::empty()).ok() }),
        Err(error) => {
            end(leader, &process);
            Err(error)
        }
    }
}

/// Leaves nothing of a session that did not open: one process that nobody has waited for keeps the namespaces of a
/// systemd that died, and with them its cgroup, for as long as the shell outside lives.
fn end(leader: Pid, process: &OwnedFd) {
    // `runuser` closes what it has opened, if there is time.
    for signal in [Signal::TERM, Signal::KILL] {
        let _ = send(process.as_fd(), signal.as_raw());
        if wait_for_end(process, Duration::from_secs(2)) {
            break;
        }
    }
    let _ = waitpid(Some(leader), WaitOptions::empty());
}

/// The shell says that it is there, and the kernel says which process that is; or its first process says why not.
fn first_message(socket: &OwnedFd) -> Result<Pid, EnterError> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut message = [0; 1024];
    let mut parts = [io::IoSliceMut::new(&mut message)];
    let received = recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC);
    let length = received.map_or(0, |received| received.bytes);
    match &message[..length] {
        [] => Err(EnterError::Session),
        STARTED => control.drain().find_map(|message| sender(&message)).ok_or(EnterError::Session),
        reason => Err(EnterError::Process(String::from_utf8_lossy(reason).into_owned())),
    }
}

fn sender(message: &RecvAncillaryMessage) -> Option<Pid> {
    match message {
        RecvAncillaryMessage::ScmCredentials(sender) => Some(sender.pid),
        _ => None,
    }
}

/// The session's first process: comes back only with what went wrong.
fn in_child(
    running: &Running,
    user: &Account,
    task: Task,
    drives: Option<Drives>,
    caller: BorrowedFd<'_>,
    report: BorrowedFd<'_>,
) -> EnterError {
    match prepare(running, drives, caller, report) {
        Ok(()) => {}
        Err(error) => return error,
    }
    let program = Path::new(CURRENT).join("sw/bin/runuser");
    let foreground = foreground(rustix::stdio::stdin()) == Some(own_group());
    let resume = Resume { task, foreground, shell: user.shell.clone() };
    let fixed = ["runuser", "-l", "-s", SESSION, "--"].map(OsString::from);
    let arguments = fixed.into_iter().chain([user.name.clone(), "inside".into()]).chain(resume.arguments());
    let environment: [(OsString, OsString); 1] = [("PATH".into(), format!("{CURRENT}/sw/bin").into())];
    let error = crate::sys::execve(&program, arguments, Some(&environment));
    Failure::new("start", &program, error).into()
}

fn prepare(
    running: &Running,
    drives: Option<Drives>,
    caller: BorrowedFd<'_>,
    report: BorrowedFd<'_>,
) -> Result<(), EnterError> {
    let spaces = ThreadNameSpaceType::MOUNT | ThreadNameSpaceType::CONTROL_GROUP;
    move_into_thread_name_spaces(running.pidfd.as_fd(), spaces).doing("join systemd's namespaces")?;
    if let Some(drives) = drives {
        drives.place().doing("keep the Windows drives of this session")?;
    }
    rustix::process::chdir("/").doing("go to /")?;
    // Whoever waits outside may be killed; the shell must not stay behind without a terminal. `runuser` heeds this signal
    // alone, and ends the shell.
    set_parent_process_death_signal(Some(Signal::TERM)).doing("bind to the caller")?;
    // Out of the way of the two numbers first.
    let caller = rustix::io::fcntl_dupfd_cloexec(caller, 10).doing("pass the caller on")?;
    let report = rustix::io::fcntl_dupfd_cloexec(report, 10).doing("pass the caller on")?;
    place(caller.as_fd(), CALLER).doing("pass the caller on")?;
    place(report.as_fd(), REPORT).doing("pass the caller on")?;
    crate::sys::reset_signals();
    Ok(())
}
