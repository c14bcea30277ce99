//! A running distribution seen from outside: the record of it, its start, its end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::Signal;

use crate::sim::host::cgroup;
use crate::sim::host::record::{InstanceRecord, RECORD, SOCKET, START, SUPERVISOR, running, socket_address};
use crate::sim::host::registry::{Registry, replace};
use crate::sim::host::variables;
use crate::sim::host::vm;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::protocol::{self, InitRequest};
use crate::sim::wire::registration::{Registration, delete};
use crate::system::error::{Context, Failure};
use crate::system::wait;

/// How long a supervisor may take to end once its distribution has ended.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Removes what a distribution left that does not run any more: processes, and the files of a start, whole or
/// half written.
///
/// # Errors
///
/// Something cannot be removed.
pub fn clean_up(registry: &Registry, folder: &Path) -> Result<(), Failure> {
    if let Some(first) = InstanceRecord::read(folder).and_then(|record| record.first) {
        end(registry, first)?;
    }
    LEFTOVERS.iter().try_for_each(|name| delete(&folder.join(name)))
}

/// Waits until a PID 1 whose supervisor was killed has ended, and everything in its namespace with it.
fn end(registry: &Registry, first: Identity) -> Result<(), Failure> {
    let Some(pidfd) = first.open().doing("find PID 1")? else { return Ok(()) };
    let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
    if wait::readable(&pidfd, registry.stretch(cgroup::KILL_LIMIT)).doing("wait for PID 1")? {
        return Ok(());
    }
    Err(Failure::new("kill", "PID 1", io::Error::from(io::ErrorKind::TimedOut)))
}

/// What is in a distribution's folder only while it starts or runs. The record comes last: until it is gone, the rest
/// can be found.
const LEFTOVERS: [&str; 3] = [SOCKET, START, RECORD];

/// Cleans up after every distribution whose supervisor was killed.
///
/// # Errors
///
/// Something cannot be removed.
pub fn remove_ended(registry: &Registry) -> Result<()> {
    for registration in registry.lock()?.all()? {
        let name = &registration.distribution_name;
        let folder = registry.folder(name);
        if running(&folder) || !LEFTOVERS.iter().any(|leftover| folder.join(leftover).exists()) {
            continue;
        }
        // Another command that has the lock is about to start the distribution, or to clean up itself.
        let Some(_lock) = registry.try_lock_instance(name)? else { continue };
        if !running(&folder) {
            clean_up(registry, &folder)?;
        }
    }
    Ok(vm::remove_ended(registry.home(), registry.stretch(cgroup::KILL_LIMIT))?)
}

/// A connection to WSL's init of a distribution; starts the distribution if it does not run.
///
/// The second part is the supervisor's report, where this call started it.
///
/// # Errors
///
/// It cannot be started.
pub fn connect(
    registry: &Registry,
    registration: &Registration,
) -> Result<(OwnedFd, Option<SupervisorReport>)> {
    let name = &registration.distribution_name;
    let folder = registry.folder(name);
    let lock = registry.lock_instance(name)?;
    if let Some(record) = InstanceRecord::read(&folder).filter(|record| record.supervisor.alive()) {
        match connect_init(&folder) {
            Ok(socket) => return Ok((socket, None)),
            // It is about to end.
            Err(_) => wait_or_kill(registry, &record, registry.stretch(END_LIMIT))?,
        }
    }
    clean_up(registry, &folder)?;
    let report = start(registry, &folder, registration, lock)?;
    match connect_init(&folder) {
        Ok(socket) => Ok((socket, Some(report))),
        Err(error) => Err(report.error(error)),
    }
}

/// What the supervisor has to say when it ends.
pub struct SupervisorReport(BufReader<io::PipeReader>);

impl SupervisorReport {
    /// The failure the supervisor reported, else the given one.
    #[must_use]
    pub fn error(mut self, otherwise: io::Error) -> Error {
        let mut line = String::new();
        // To the end: by then the supervisor has cleaned up.
        match self.0.read_to_string(&mut line) {
            Ok(count) if count > 0 => Error::Missing(decode_report(&line)),
            _ => Failure::new("talk to the distribution", "", otherwise).into(),
        }
    }
}

/// The lock goes to the supervisor, which gives it back once it is recorded: whoever is killed meanwhile, there are
/// never two.
fn start(
    registry: &Registry,
    folder: &Path,
    registration: &Registration,
    lock: File,
) -> Result<SupervisorReport> {
    let start = variables::start(registry.home(), folder, registration)?;
    let json = serde_json::to_vec(&start).map_err(io::Error::from).doing("encode the start")?;
    replace(&folder.join(START), &json)?;
    let (reader, writer) = io::pipe().doing("make a pipe")?;
    let log = File::create(folder.join("supervisor.log")).doing_at("write", folder.join("supervisor.log"))?;
    let mut child = Command::new("/proc/self/exe")
        .arg0(SUPERVISOR)
        .stdin(lock)
        .stdout(writer)
        .stderr(log)
        .current_dir(folder)
        .spawn()
        .doing("start the supervisor")?;
    let mut report = BufReader::new(reader);
    let mut line = String::new();
    report.read_line(&mut line).doing("read from the supervisor")?;
    if line == "listening\n" {
        return Ok(SupervisorReport(report));
    }
    let _ = child.wait();
    clean_up(registry, folder)?;
    let text =
        if line.is_empty() { "the supervisor ended without a word".into() } else { decode_report(&line) };
    Err(Error::Missing(text))
}

/// The supervisor's text, which is one line on its way and has the program's name already.
fn decode_report(line: &str) -> String {
    line.trim_end().trim_start_matches("wsl-sim: ").replace('\u{1f}', "\n")
}

fn connect_init(folder: &Path) -> io::Result<OwnedFd> {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let (_directory, address) = socket_address(folder)?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}

/// Terminates a distribution if it runs (W§5.6) and cleans up. The lock that is returned keeps it from being started.
///
/// # Errors
///
/// Something of it cannot be removed.
pub fn terminate(registry: &Registry, name: &str) -> Result<File> {
    let folder = registry.folder(name);
    let lock = registry.lock_instance(name)?;
    if let Some(record) = InstanceRecord::read(&folder).filter(|record| record.supervisor.alive()) {
        let mut patience = registry.stretch(END_LIMIT);
        if let Ok(socket) = connect_init(&folder)
            && protocol::send(&socket, &InitRequest::Terminate, &[]).is_ok()
        {
            patience += Duration::from_millis(record.timeout);
        }
        wait_or_kill(registry, &record, patience)?;
    }
    clean_up(registry, &folder)?;
    Ok(lock)
}

fn wait_or_kill(registry: &Registry, record: &InstanceRecord, patience: Duration) -> Result<()> {
    let Some(pidfd) = record.supervisor.open().doing("find the supervisor")? else { return Ok(()) };
    if wait::readable(&pidfd, patience).doing("wait for the supervisor")? {
        return Ok(());
    }
    eprintln!("wsl-sim: the distribution does not end; killing it");
    let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
    wait::readable(&pidfd, registry.stretch(END_LIMIT)).doing("wait for the supervisor")?;
    Ok(())
}
