//! The relay that owns one launched process: its user, its terminal, its exit code (W§6).

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Mode;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::sim::program::become_program;
use crate::sim::protocol::{self, Launch, Reply};
use crate::sim::users::User;
use crate::sim::windows::{Configured, resolv_conf};
use crate::sys::default_sigchld;
use crate::sys::simulator::fork;
use crate::wsl::settings::Settings;

/// wsl.exe takes this exit code for "no such user".
pub const NO_USER: i32 = 67;

/// All that a launch needs.
pub struct Session<'a> {
    /// The client's connection.
    pub client: BorrowedFd<'a>,
    /// What it asks for.
    pub launch: Launch,
    /// Its streams that are no terminals.
    pub streams: Vec<OwnedFd>,
    /// wsl.conf.
    pub settings: &'a Settings,
    /// The distribution as it was configured.
    pub configured: &'a Configured,
    /// The Windows PATH, translated.
    pub windows_path: &'a str,
    /// Where login sessions are asked for.
    pub init: UnixStream,
}

/// Runs as the relay.
pub fn relay(session: Session<'_>) -> ! {
    default_sigchld();
    let code = match run(session) {
        Ok(()) => 0,
        Err(error) => {
            wsl_error!("Relay", "{error}");
            1
        }
    };
    std::process::exit(code);
}

fn run(session: Session<'_>) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(session.settings.filesystem_umask.unsigned_abs()));
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    resolv_conf(session.settings);
    let client = session.client;
    let Ok(uid) = resolve(&session) else {
        return protocol::send(client, &Reply::Exit(NO_USER), &[]);
    };
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::unlockpt(&master)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
    let (rows, columns) = session.launch.size;
    rustix::termios::tcsetwinsize(
        &slave,
        Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 },
    )?;
    let terminal = session.launch.terminal.contains(&true);
    if terminal {
        protocol::send(client, &Reply::Terminal, &[master.as_fd()])?;
    }
    let interop =
        session.settings.interop_enabled.then(|| format!("/run/WSL/{}_interop", std::process::id()));
    if let Some(path) = &interop {
        drop(UnixListener::bind(path)?);
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    }
    let Some(child) = fork()? else {
        drop(master);
        become_program(session, uid, &slave, interop.as_deref());
    };
    let client = client.try_clone_to_owned()?;
    drop((slave, session));
    let code = wait(child, &client, &master, terminal)?;
    if let Some(path) = interop {
        let _ = fs::remove_file(path);
    }
    match code {
        Some(code) => protocol::send(&client, &Reply::Exit(code), &[]),
        None => Ok(()),
    }
}

/// Waits for the child: its exit code. `None` if the client is gone, whose terminal hangs up with the relay.
fn wait(child: Pid, client: &OwnedFd, master: &OwnedFd, terminal: bool) -> io::Result<Option<i32>> {
    let pidfd = rustix::process::pidfd_open(child, PidfdFlags::empty())?;
    let mut drain = !terminal;
    loop {
        let mut events = vec![PollFd::new(&pidfd, PollFlags::IN), PollFd::new(client, PollFlags::RDHUP)];
        if drain {
            events.push(PollFd::new(master, PollFlags::IN));
        }
        protocol::retry(|| poll(&mut events, None))?;
        if !events[0].revents().is_empty() {
            let status = protocol::retry(|| rustix::process::waitpid(Some(child), WaitOptions::empty()))?;
            return Ok(status.map(|(_, status)| exit_code(status)));
        }
        if !events[1].revents().is_empty() {
            return Ok(None);
        }
        // Nobody sees this terminal, but a process that writes to it must not get stuck.
        if drain && !events[2].revents().is_empty() {
            let count = rustix::io::read(master, &mut [0; 4096]).unwrap_or(0);
            drain = count > 0;
        }
    }
}

/// WSL's exit code: the raw status where a signal ended the process.
fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().unwrap_or_else(|| status.as_raw())
}

/// There is no user of that name.
struct NoUser;

/// Whose process it is, before the first-run command (W§7).
fn resolve(session: &Session<'_>) -> Result<u32, NoUser> {
    if let Some(name) = &session.launch.user {
        return User::named(name).map(|user| user.uid).ok_or(NoUser);
    }
    let configured = session.settings.user_default.as_deref().and_then(User::named);
    let user = configured.or_else(|| User::with_uid(session.launch.default_uid));
    Ok(user.map_or(0, |user| user.uid))
}
