//! wsl.exe's part of a launch: ask WSL's init for the process, carry its streams, return its exit code (W§6).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use crate::sim::host::instance::{self, SupervisorReport};
use crate::sim::host::registry::Registry;
use crate::sim::host::streams::{StreamEvent, Streams};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::protocol::{self, CreateProcess, InitRequest, NO_USER, Reply};
use crate::sim::wire::registration::Registration;
use crate::system::error::Context;

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// `None`: the default distribution.
    pub distribution: Option<String>,
    /// `None`: the default user.
    pub user: Option<String>,
    /// A Linux path, or one that begins with `~`.
    pub directory: Option<String>,
    /// In the system distribution.
    pub system: bool,
    /// What to run.
    pub program: LaunchedProgram,
    /// The shell gets a dash before its name.
    pub login: bool,
}

/// What a launch runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LaunchedProgram {
    /// The user's shell.
    #[default]
    Shell,
    /// The user's shell with `-c` and this line.
    Line(OsString),
    /// This program, without a shell.
    Exec(Vec<OsString>),
}

/// How long a terminal's line discipline may take to hand over what a program has written.
const GRACE: Duration = Duration::from_millis(20);

/// Runs a process in a distribution: its exit code.
///
/// # Errors
///
/// WSL's own, or the distribution did not start.
pub fn launch(registry: &Registry, registration: &Registration, launch: &Launch) -> Result<i32> {
    let name = &registration.distribution_name;
    // Only a plain shell runs the first-run command; everything else waits while one runs.
    let shell = launch.program == LaunchedProgram::Shell;
    let mut first_run = (registration.run_oobe && !launch.system)
        .then(|| first_run_lock(registry, name, shell))
        .transpose()?;
    let registration = registry.lock()?.get(name)?;
    let input = io::stdin();
    let output = io::stdout();
    let error = io::stderr();
    let terminal = [input.is_terminal(), output.is_terminal(), error.is_terminal()];
    let (mut streams, process_ends) = Streams::new(terminal, registry.stretch(GRACE)).doing("make pipes")?;
    let request =
        InitRequest::CreateProcess(Box::new(request(&registration, launch, terminal, streams.size())));
    let descriptors: Vec<BorrowedFd<'_>> = process_ends.iter().map(AsFd::as_fd).collect();
    let (socket, report) = request_process(registry, &registration, &request, &descriptors)?;
    drop(descriptors);
    drop(process_ends);
    let end = loop {
        match streams.next(socket.as_fd()).doing("carry the process's streams")? {
            StreamEvent::Terminated(signal) => {
                streams.restore();
                return Ok(128 + signal);
            }
            StreamEvent::Message => {}
        }
        match protocol::receive::<Reply>(&socket) {
            Ok(Some((reply, mut descriptors))) => match reply {
                Reply::Accepted => {}
                Reply::Remarks { shown, hidden } => {
                    for line in shown {
                        eprintln!("wsl: {line}");
                    }
                    for line in hidden {
                        eprintln!("wsl-sim: hidden by WSL: {line}");
                    }
                }
                Reply::Terminal => {
                    if let Some(master) = descriptors.pop() {
                        streams.attach(master).doing("set up the terminal")?;
                    }
                }
                Reply::Oobe { success, default_uid } => {
                    if success {
                        finish_first_run(registry, name, default_uid)?;
                    }
                    drop(first_run.take());
                }
                Reply::Exit(code) => break Some(code),
            },
            Ok(None) | Err(_) => break None,
        }
    };
    streams.finish().doing("carry the process's streams")?;
    match end {
        Some(NO_USER) => Err(Error::wsl("Wsl/Service/WSL_E_USER_NOT_FOUND", "User not found.")),
        Some(code) => Ok(code),
        None => Err(failure(report)),
    }
}

fn failure(report: Option<SupervisorReport>) -> Error {
    let catastrophe = Error::wsl("Wsl/Service/E_UNEXPECTED", "Catastrophic failure");
    match report.map(|report| report.error(io::ErrorKind::UnexpectedEof.into())) {
        Some(error @ Error::Missing(_)) => error,
        _ => catastrophe,
    }
}

/// Sends the request to WSL's init, which may be about to die with a distribution that ends: then to the next one.
fn request_process(
    registry: &Registry,
    registration: &Registration,
    request: &InitRequest,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(OwnedFd, Option<SupervisorReport>)> {
    for _ in 0..3 {
        let (socket, report) = instance::connect(registry, registration)?;
        let sent = protocol::send(&socket, request, descriptors);
        if sent.is_ok() && matches!(protocol::receive(&socket), Ok(Some((Reply::Accepted, _)))) {
            return Ok((socket, report));
        }
        if report.is_some() {
            return Err(failure(report));
        }
    }
    Err(failure(None))
}

fn first_run_lock(registry: &Registry, name: &str, shell: bool) -> Result<File> {
    let path = registry.folder(name).join("oobe.lock");
    let lock = File::options().create(true).append(true).open(&path).doing_at("open", &path)?;
    let free = if shell { lock.try_lock().is_ok() } else { lock.try_lock_shared().is_ok() };
    if !free {
        eprintln!("wsl: Waiting for OOBE command to complete for distribution \"{name}\"...");
        if shell { lock.lock() } else { lock.lock_shared() }.doing_at("lock", &path)?;
    }
    if !shell {
        // Commands do not hinder each other, nor a first shell that comes later.
        lock.unlock().doing_at("unlock", &path)?;
    }
    Ok(lock)
}

fn finish_first_run(registry: &Registry, name: &str, default_uid: Option<i32>) -> Result<()> {
    let locked = registry.lock()?;
    let mut registration = locked.get(name)?;
    registration.run_oobe = false;
    if let Some(uid) = default_uid {
        registration.default_uid = uid.cast_unsigned();
    }
    Ok(locked.put(&registration)?)
}

fn request(
    registration: &Registration,
    launch: &Launch,
    terminal: [bool; 3],
    size: (u16, u16),
) -> CreateProcess {
    let bytes = |text: &OsString| text.as_bytes().to_vec();
    CreateProcess {
        user: launch.user.clone(),
        // Windows' directory: the root of its system drive.
        directory: launch.directory.clone().unwrap_or_else(|| "C:\\".into()),
        exec: match &launch.program {
            LaunchedProgram::Exec(arguments) => arguments.iter().map(bytes).collect(),
            _ => Vec::new(),
        },
        line: match &launch.program {
            LaunchedProgram::Line(line) => Some(bytes(line)),
            _ => None,
        },
        login: launch.login,
        terminal,
        size,
        system: launch.system,
        oobe: registration.run_oobe && !launch.system && launch.program == LaunchedProgram::Shell,
        default_uid: registration.default_uid,
        wslenv: wslenv(),
    }
}

/// `WSLENV` and the variables it lists; paths are handed on as they are.
fn wslenv() -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(list) = std::env::var_os("WSLENV") else { return Vec::new() };
    let mut variables = vec![(b"WSLENV".to_vec(), list.clone().into_vec())];
    for item in list.to_string_lossy().split(':') {
        let (name, flags) = item.split_once('/').unwrap_or((item, ""));
        if let Some(value) = std::env::var_os(name).filter(|_| !flags.contains('w')) {
            variables.push((name.into(), value.into_vec()));
        }
    }
    variables
}

/// `--manage NAME --set-default-user USER`: asks the distribution for the id, as wsl.exe does (W§4.5).
///
/// # Errors
///
/// WSL's own; a failing `id` is an exit code, not an error.
pub fn set_default_user(registry: &Registry, name: &str, user: &str) -> Result<i32> {
    let name = registry.lock()?.installed(name)?.distribution_name;
    let own = std::env::current_exe().doing("find wsl-sim itself")?;
    let output = std::process::Command::new(own)
        .args(["-d", &name, "-u", "root", "/usr/bin/id", "-u", "--", &format!("'{user}'")])
        .stderr(std::process::Stdio::inherit())
        .stdin(std::process::Stdio::null())
        .output()
        .doing("start wsl-sim")?;
    if !output.status.success() {
        return Ok(output.status.code().unwrap_or(1));
    }
    let uid = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .parse()
        .map_err(|_| Error::wsl("Wsl/ERROR_INVALID_DATA", "The data is invalid."))?;
    // A new default user takes effect with the next start.
    let _instance = instance::terminate(registry, &name)?;
    let locked = registry.lock()?;
    let registration = locked.get(&name)?;
    locked.put(&Registration { default_uid: uid, ..registration })?;
    Ok(0)
}
