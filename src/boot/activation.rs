//! Runs a generation's `activate` with a time limit, its output copied to the logs.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::system::activation::CURRENT;
use crate::system::generations::Generation;
use crate::system::log::Log;
use crate::system::wait;

/// How an activation ended that does not keep the generation from booting.
#[derive(Debug, PartialEq, Eq)]
pub enum ActivationOutcome {
    /// It exited with 0.
    Cleanly,
    /// It failed after it had made the system current; NixOS boots such systems.
    WithFaults(String),
}

/// How often the caller is called back meanwhile.
const TURN: Duration = Duration::from_millis(500);

/// Activates `generation`; calls `turn` now and then until that has ended.
///
/// # Errors
/// Why the generation cannot be booted: `activate` could not be run, or ended before it had set `/run/current-system`.
pub fn run(
    generation: &Generation,
    limit: Duration,
    log: &mut Log,
    turn: &mut dyn FnMut(&mut Log),
) -> Result<ActivationOutcome, String> {
    let outcome = execute(generation, limit, log, turn);
    let current = is_current(generation);
    match outcome {
        Ok(()) if current => Ok(ActivationOutcome::Cleanly),
        Ok(()) => {
            log.warn(format_args!("{generation}: activate did not set {CURRENT}"));
            make_current(generation).map_err(|error| format!("{CURRENT}: {error}"))?;
            Ok(ActivationOutcome::Cleanly)
        }
        Err(reason) if current => Ok(ActivationOutcome::WithFaults(reason)),
        Err(reason) => Err(reason),
    }
}

fn is_current(generation: &Generation) -> bool {
    let resolve = |path: &Path| std::fs::canonicalize(path).ok();
    resolve(Path::new(CURRENT)).is_some_and(|now| Some(now) == resolve(&generation.toplevel))
}

fn make_current(generation: &Generation) -> std::io::Result<()> {
    let _ = std::fs::remove_file(CURRENT);
    std::os::unix::fs::symlink(&generation.toplevel, CURRENT)
}

fn execute(
    generation: &Generation,
    limit: Duration,
    log: &mut Log,
    turn: &mut dyn FnMut(&mut Log),
) -> Result<(), String> {
    let program = generation.file("activate");
    let (mut output, write_end) = std::io::pipe().map_err(|error| format!("pipe: {error}"))?;
    let clone = write_end.try_clone().map_err(|error| format!("pipe: {error}"))?;
    let mut command = Command::new(&program);
    // WSL gives no PATH and no locale (U§3 F10); the scripts bring their own tools, their hooks often do not.
    command
        .env("PATH", search_path(generation))
        .env("LANG", "C.UTF-8")
        .env_remove("NOTIFY_SOCKET") // systemd's word alone says that the system is ready
        .stdin(Stdio::null())
        .stdout(clone)
        .stderr(write_end)
        .process_group(0);
    let locales = generation.file("sw/lib/locale/locale-archive");
    if locales.exists() {
        command.env("LOCALE_ARCHIVE", locales);
    }
    let child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
    drop(command); // holds the pipe's write ends
    let group = Pid::from_child(&child);
    let status = wait(child, &mut output, limit, log, turn).map_err(|error| format!("activate: {error}"))?;
    if status.success() {
        return Ok(());
    }
    if !is_current(generation) {
        // What it has started must not go on beside the activation of another generation.
        let _ = kill_process_group(group, Signal::KILL);
    }
    Err(format!("activate: {}", describe(status)))
}

/// The directories in which hooks of the activation find programs.
#[must_use]
pub fn search_path(generation: &Generation) -> String {
    format!("{0}/sw/bin:{0}/systemd/bin:{0}/sw/sbin", generation.toplevel.display())
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("killed by signal {signal}"),
        _ => status.to_string(),
    }
}

/// Copies the output until the process ends; a process over its time is killed with its whole group.
fn wait(
    mut child: Child,
    output: &mut std::io::PipeReader,
    limit: Duration,
    log: &mut Log,
    turn: &mut dyn FnMut(&mut Log),
) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + limit;
    let pid = Pid::from_child(&child);
    let exited = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| format!("pidfd: {error}"))?;
    rustix::io::ioctl_fionbio(output.as_fd(), true).map_err(|error| format!("pipe: {error}"))?;
    let mut open = true;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still running after {} s, killed", limit.as_secs()));
        }
        let mut fds =
            [PollFd::new(&exited, PollFlags::IN), PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
        let watched = if open { 2 } else { 1 };
        let ready = wait::until(&mut fds[..watched], Instant::now() + left.min(TURN));
        if ready.map_err(|error| format!("poll: {error}"))? == 0 {
            turn(log);
        }
        let ended = !fds[0].revents().is_empty();
        open = open && copy(output, log);
        if ended {
            return child.wait().map_err(|error| format!("wait: {error}"));
        }
    }
}

/// Copies what there is to read; says whether more can follow. Processes left behind may keep the pipe open.
fn copy(output: &mut std::io::PipeReader, log: &mut Log) -> bool {
    let mut buffer = [0; 4096];
    // Bounded, so that an endless writer cannot keep the deadline from being looked at.
    for _ in 0..64 {
        match output.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => log.output(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}
