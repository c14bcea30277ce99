//! From the installer to the system: waits until it is up, and becomes the program that was called.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::invocation::Invocation;
use super::screen::Screen;
use super::state::InstallState;
use crate::boot::activation;
use crate::system::accounts;
use crate::system::activation::CURRENT;
use crate::system::generations;
use crate::system::installer::PROGRAM;
use crate::system::log::{FILE as LOG, Log};
use crate::system::notice;
use crate::system::root::Root;
use crate::system::settings::Settings;

/// How often the system is looked at: WSL's own period.
const PERIOD: Duration = Duration::from_millis(250);
/// How long systemd and the user's session may take after the activation.
const SYSTEMD: Duration = Duration::from_secs(60);
const SESSION: Duration = Duration::from_secs(10);

/// Waits until the system runs as far as it will in this session. Where WSL does not start `/sbin/init`, the first root
/// process activates it. What fails in part is said, and the shell starts all the same.
///
/// # Errors
/// The message for the user, with `{name}` for the distribution's name: the system is installed and does not start.
pub fn wait_for_system(state: &InstallState, screen: &mut Screen) -> Result<(), String> {
    if !state.starts_systemd() {
        if rustix::process::geteuid().is_root() && !Path::new(CURRENT).exists() {
            return activate(screen);
        }
        return Ok(());
    }
    let failed = || Path::new(notice::NOTICE).exists();
    let limit = settings().activation_limit() + SYSTEMD;
    if !wait(limit, || Path::new(CURRENT).exists() || failed()) {
        screen.line("the system is still activating; going on without it");
        return Ok(());
    }
    let up = || prints("systemctl is-system-running", &["running", "degraded"]);
    let up = !failed() && wait(SYSTEMD, || up() || failed());
    if let Ok(reason) = std::fs::read_to_string(notice::FAULTS) {
        faults(screen, &reason);
    }
    if let Ok(reasons) = std::fs::read_to_string(notice::NOTICE) {
        return Err(does_not_start(&reasons));
    }
    if !up {
        screen.line("systemd is not ready yet; going on without it");
        return Ok(());
    }
    let uid = rustix::process::getuid().as_raw();
    let session =
        std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|path| Path::new(&path).starts_with("/run/user"));
    if session {
        let unit = format!("systemctl is-active user@{uid}.service");
        wait(SESSION, || prints(&unit, &["active"]));
    }
    Ok(())
}

fn faults(screen: &mut Screen, reason: &str) {
    screen.line(&format!("{reason}; {LOG} has its output"));
}

fn does_not_start(reasons: &str) -> String {
    format!(
        "NixOS is installed, but it does not start: {}\nThe system on the disk is whole; {LOG} says more.\n\
         A restart tries it again: wsl --terminate {{name}}",
        reasons.trim_end()
    )
}

fn settings() -> Settings {
    let root = Root::default();
    let toplevel = generations::current(&root).map(|generation| generation.toplevel);
    toplevel.ok().and_then(|toplevel| Settings::load(&root, &toplevel).ok()).unwrap_or_default()
}

fn activate(screen: &mut Screen) -> Result<(), String> {
    let root = Root::default();
    let result = generations::current(&root).map_err(|error| error.to_string()).and_then(|generation| {
        let mut log = Log::open();
        log.open_file();
        activation::run(&generation, settings().activation_limit(), &mut log, &mut |_| {})
    });
    match result {
        Ok(activation::ActivationOutcome::Cleanly) => {}
        Ok(activation::ActivationOutcome::WithFaults(reason)) => faults(screen, &reason),
        Err(reason) => return Err(does_not_start(&reason)),
    }
    Ok(())
}

/// Looks until `done` says so, or the time is over.
fn wait(limit: Duration, done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(PERIOD);
    }
}

/// Whether a line for `/bin/sh` prints one of `words`. WSL's background login asks too, with `SIGCHLD` ignored (W§5.3).
fn prints(line: &str, words: &[&str]) -> bool {
    let output = crate::sys::with_children(|| {
        Command::new("/bin/sh").args(["-c", line]).stdin(Stdio::null()).stderr(Stdio::null()).output()
    });
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        words.contains(&text.trim())
    })
}

/// Becomes what stands at the program's own path now; comes back with the reason if it cannot.
#[must_use]
pub fn become_own_path(invocation: &Invocation) -> String {
    if leads_here(&invocation.file) {
        return "the system does not have it".to_owned();
    }
    crate::sys::execve(&invocation.file, &invocation.arguments, None).to_string()
}

/// Becomes the user's shell, with the arguments as they came.
#[must_use]
pub fn become_shell(invocation: &Invocation) -> String {
    if !leads_here(&invocation.file) && invocation.file.exists() {
        return become_own_path(invocation);
    }
    // An account whose shell was the installer itself until now.
    let uid = rustix::process::getuid().as_raw();
    let shell = match accounts::entry(&Root::default(), uid) {
        Ok(entry) => entry.shell,
        Err(reason) => return reason,
    };
    let mut name = PathBuf::from(&shell).into_os_string();
    if invocation.arguments.first().is_some_and(|name| name.as_encoded_bytes().starts_with(b"-")) {
        name = OsString::from("-");
        name.push(shell.file_name().unwrap_or(OsStr::new("sh")));
    }
    let arguments = std::iter::once(name).chain(invocation.arguments.iter().skip(1).cloned());
    let variables: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| name != "SHELL")
        .chain([("SHELL".into(), shell.clone().into_os_string())])
        .collect();
    let error = crate::sys::execve(&shell, arguments, Some(&variables));
    format!("{}: {error}", shell.display())
}

/// Whether a path still leads to the installer.
fn leads_here(path: &Path) -> bool {
    let program = Path::new("/").join(PROGRAM);
    path == program || std::fs::read_link(path).is_ok_and(|target| target == program)
}
