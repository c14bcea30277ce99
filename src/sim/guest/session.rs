//! The relay that owns one launched process: its user, its terminal, its exit code (W§6).

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Mode;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};
use rustix::termios::Winsize;

use crate::sim::guest::program::{ProcessRequest, become_program};
use crate::sim::guest::system_distribution;
use crate::sim::guest::users::User;
use crate::sim::guest::windows::resolv_conf;
use crate::sim::wire::protocol::{self, NO_USER, Reply};
use crate::sim::wire::terminal;
use crate::sys::default_sigchld;
use crate::sys::simulator::fork;

/// Runs as the relay.
pub fn relay(request: ProcessRequest<'_>) -> ! {
    default_sigchld();
    let code = match run(request) {
        Ok(()) => 0,
        Err(error) => {
            wsl_error!("Relay", "{error}");
            1
        }
    };
    std::process::exit(code);
}

fn run(request: ProcessRequest<'_>) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(request.settings.filesystem_umask.unsigned_abs()));
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    resolv_conf(request.settings);
    let client = request.client;
    let system = request.process.system;
    if system {
        system_distribution::enter().map_err(io::Error::other)?;
    }
    let Ok(uid) = resolve(&request) else {
        return protocol::send(client, &Reply::Exit(NO_USER), &[]);
    };
    let (master, slave) = terminal::pair()?;
    let (rows, columns) = request.process.size;
    rustix::termios::tcsetwinsize(
        &slave,
        Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 },
    )?;
    let terminal = request.process.terminal.contains(&true);
    if terminal {
        protocol::send(client, &Reply::Terminal, &[master.as_fd()])?;
    }
    let interop = (request.settings.interop_enabled && !system)
        .then(|| format!("/run/WSL/{}_interop", std::process::id()));
    if let Some(path) = &interop {
        drop(UnixListener::bind(path)?);
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    }
    let Some(child) = fork()? else {
        drop(master);
        become_program(request, uid, &slave, interop.as_deref());
    };
    let client = client.try_clone_to_owned()?;
    drop((slave, request));
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
fn resolve(request: &ProcessRequest<'_>) -> Result<u32, NoUser> {
    if let Some(name) = &request.process.user {
        return User::by_name(name).map(|user| user.uid).ok_or(NoUser);
    }
    if request.process.system {
        return Ok(system_distribution::DEFAULT_UID);
    }
    let configured = request.settings.user_default.as_deref().and_then(User::by_name);
    let user = configured.or_else(|| User::by_uid(request.process.default_uid));
    Ok(user.map_or(0, |user| user.uid))
}
