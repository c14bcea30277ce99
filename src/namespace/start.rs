//! Starts systemd in namespaces of its own and waits until it is ready; all of it under the lock (S§7.2).

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Signal, WaitOptions, pidfd_send_signal};

use super::inode::inode;
use super::rundir::{PATH, RunDir, RunError, START_LOCK};
use super::state::{Event, NAME, NamespaceState, Phase, Running, ended};
use super::{cgroups, mounts_left_behind};
use crate::boot::{cgroup, counting};
use crate::sys;
use crate::sys::namespace::{Namespaces, split};
use crate::system::error::{Context, Failure};
use crate::system::message;
use crate::system::root::Root;
use crate::system::wait;

/// The socket on which systemd says that it is ready.
const NOTIFY: &str = "notify";
/// What process 1 prints before its journal runs.
pub const CONSOLE: &str = "console";
/// Becomes systemd.
const INIT: &str = "/sbin/init";

/// Why there is no systemd to join.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state or the lock.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A step of it failed.
    #[error(transparent)]
    System(#[from] Failure),
    /// The caller has the mounts of a systemd that has ended.
    #[error(
        "the systemd that this shell's mounts belong to has ended; leave it with `exit`, and open another with `wsl`"
    )]
    LeftBehind,
    /// The caller lives in namespaces that are not WSL's.
    #[error("the caller has a {0} namespace of its own; systemd is not started there")]
    Sandbox(&'static str),
    /// A unit of it has asked for a stop.
    #[error("systemd shuts down again, as one of its units wants it to; `nixos-wsl logs` has more")]
    Stopping,
    /// Process 1 ended.
    #[error("systemd ended before it was ready{0}; `nixos-wsl logs` has more")]
    Ended(String),
}

/// The systemd that runs; one is started if there is none. `report` is called under the start lock, which every other shell
/// waits for: it must not wait for anybody, a terminal least of all.
///
/// # Errors
/// [`StartError`].
pub fn running(patience: Duration, mut report: impl FnMut(&str)) -> Result<Running, StartError> {
    let found = || NamespaceState::read().ok().and_then(NamespaceState::running);
    let ready = || found().filter(|running| running.state.phase == Phase::Ready);
    if let Some(running) = ready() {
        return Ok(running);
    }
    let folder = RunDir::make()?;
    let _lock = folder.lock(START_LOCK, patience, || report("waiting for systemd..."))?;
    if let Some(running) = ready() {
        return Ok(running);
    }
    if let Some(other) = found() {
        let stopping = other.state.phase == Phase::Stopping;
        if stopping {
            report("waiting until systemd has stopped...");
        }
        // One that runs without being ready: who started it was killed and will never say so.
        if !stopping || !wait_for_end(&other.pidfd, patience) {
            let _ = counting::asked_to_stop(&Root::default());
            let _ = pidfd_send_signal(&other.pidfd, Signal::KILL);
            let _ = wait_for_end(&other.pidfd, Duration::from_secs(10));
        }
    }
    start(&folder, patience, report)
}

/// Waits until a process has ended; says whether it has.
#[must_use]
pub fn wait_for_end(pidfd: &OwnedFd, patience: Duration) -> bool {
    wait::readable(pidfd, patience).unwrap_or(false)
}

fn start(folder: &RunDir, patience: Duration, report: impl FnMut(&str)) -> Result<Running, StartError> {
    if mounts_left_behind() {
        return Err(StartError::LeftBehind);
    }
    for namespace in ["user", "net", "uts", "ipc"] {
        if inode("self", namespace) != inode("1", namespace) {
            return Err(StartError::Sandbox(namespace));
        }
    }
    let deadline = Instant::now() + patience;
    for name in [NAME, NOTIFY] {
        folder.remove(name);
    }
    // So that drives mounted later come through to systemd's namespace.
    mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC)
        .doing("make / a shared mount")?;
    let hierarchy = cgroup::hierarchy().doing("find the cgroups")?;
    // Those of an earlier start of this distribution.
    cgroups::remove(folder, &hierarchy, Duration::from_secs(5))?;
    let (path, group) = cgroup::make(&hierarchy).doing("make the cgroup")?;
    // Before there is a process in it.
    cgroups::record(folder, &path)?;
    let notify = listen().doing("make the notification socket")?;
    folder.remove(CONSOLE);
    let console = folder.file(CONSOLE, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE, 0o600)?;
    let (wait, go) = io::pipe().doing("make a pipe")?;
    let Some((pid, pidfd)) =
        split(Namespaces::ProcessesAndMounts, Some(group.as_fd())).doing("make the namespaces")?
    else {
        child(wait, go, &console);
    };
    drop(wait);
    let outcome =
        NamespaceState::begin(folder, pid, path.clone()).map_err(StartError::from).and_then(|state| {
            (&go).write_all(b"1").doing("start process 1")?;
            drop(go);
            wait_until_ready(&notify, &pidfd, deadline, report)?;
            Ok(NamespaceState::advance(folder, state.pidns, Event::Started)?)
        });
    match outcome {
        Ok(state) if state.phase == Phase::Stopping => Err(StartError::Stopping),
        Ok(state) => Ok(Running { state, pidfd }),
        Err(error) => {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
            let _ = cgroups::remove(folder, &hierarchy, Duration::from_secs(5));
            folder.remove(NAME);
            folder.remove(NOTIFY);
            Err(error)
        }
    }
}

fn listen() -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
    let bound = bind(&socket, &SocketAddrUnix::new(format!("{PATH}/{NOTIFY}"))?);
    rustix::process::umask(umask);
    bound?;
    Ok(socket)
}

/// The future process 1: waits until it is recorded, then becomes the program that does the rest.
fn child(mut wait: PipeReader, go: PipeWriter, console: &File) -> ! {
    drop(go);
    let mut byte = [0];
    let streams = || -> io::Result<()> {
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(console)?;
        rustix::stdio::dup2_stderr(console)?;
        Ok(())
    };
    if wait.read(&mut byte).is_ok_and(|count| count == 1) && streams().is_ok() {
        let _ = rustix::process::setsid();
        let environment = [
            ("container", "wsl".to_owned()),
            ("container_host_id", "windows".to_owned()),
            ("NOTIFY_SOCKET", format!("{PATH}/{NOTIFY}")),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let error = sys::execve(Path::new(INIT), [INIT, "--namespace"], Some(&environment));
        message::print_error(format_args!("{INIT}: {error}"));
    }
    std::process::exit(1)
}

/// Reads what systemd has to say until it is ready, or has ended, or the time is over: then the shell goes in all the
/// same, because a slow unit is no reason to keep the user out.
fn wait_until_ready(
    notify: &OwnedFd,
    pidfd: &OwnedFd,
    deadline: Instant,
    mut report: impl FnMut(&str),
) -> Result<(), StartError> {
    let start = Instant::now();
    let mut reported = false;
    loop {
        if !reported && start.elapsed() > Duration::from_secs(1) {
            reported = true;
            report("starting systemd...");
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            report("systemd is not ready yet; `systemctl list-jobs` says what it waits for");
            return Ok(());
        }
        let turn = Instant::now() + left.min(Duration::from_secs(1));
        let mut fds = [PollFd::new(notify, PollFlags::IN), PollFd::new(pidfd, PollFlags::IN)];
        wait::until(&mut fds, turn).doing("wait for systemd")?;
        if !fds[0].revents().is_empty() {
            let mut message = [0; 4096];
            let count = rustix::io::read(notify, &mut message).doing("listen to systemd")?;
            let mut lines = message[..count].split(|&byte| byte == b'\n');
            if lines.any(|line| line == b"READY=1" || line == b"X_SYSTEMD_UNIT_ACTIVE=multi-user.target") {
                return Ok(());
            }
        } else if ended(pidfd) {
            return Err(StartError::Ended(last_words()));
        }
    }
}

/// The last line on the console, if there is one.
fn last_words() -> String {
    let bytes = RunDir::open().and_then(|folder| folder.read(CONSOLE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let clean: String = line.chars().filter(|letter| !letter.is_control()).take(300).collect();
    if clean.is_empty() { clean } else { format!(": {clean}") }
}
