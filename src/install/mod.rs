//! The installer distribution's only program: it writes the system over the running root, then becomes what was called.
//!
//! WSL finds it under every name that it starts programs by (`image::installer`). Process 1 or the first root shell
//! installs; every other process waits, and then becomes the program that stands at its own path by then. WSL waits for
//! systemd before it starts the first shell (W§5.2); it is told at once that systemd runs, so that the shell can show how
//! far the installation is, and the shell waits for systemd in WSL's place.

pub mod contents;
pub mod ensure;
pub mod error;
pub mod frames;
pub mod handover;
pub mod header;
pub mod invocation;
pub mod members;
pub mod mount;
pub mod mounts;
pub mod pieces;
pub mod place;
pub mod screen;
pub mod sh;
pub mod source;
pub mod state;
pub mod switch;
pub mod unpack;
pub mod write;

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ensure::Attempt;
use invocation::{Invocation, Role};
use screen::Screen;
use state::InstallState;

use crate::system::message;

/// Runs what was asked for; comes back only if that is not possible, or if it was done.
#[must_use]
pub fn run(argv: &[OsString]) -> ExitCode {
    let invocation = Invocation::discover(argv);
    let state = InstallState::default();
    match invocation.role() {
        Role::Init => init(&state, &invocation),
        Role::Mount => mount::run(&invocation.arguments),
        Role::Unpack(directory) => unpack_into(&directory),
        Role::SystemShell => match sh::answer(&state, &invocation.arguments) {
            Some(code) => code,
            None => wait_and_become(&state, &invocation),
        },
        Role::Other => wait_and_become(&state, &invocation),
        Role::LoginShell => login_shell(&state, &invocation),
    }
}

/// Process 1: installs, and becomes the system's own `/sbin/init`, which starts systemd in this very session.
fn init(state: &InstallState, invocation: &Invocation) -> ! {
    crate::sys::reset_signals();
    crate::sys::ignore_sigchld();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let _ = rustix::process::chdir("/");
    invocation.run_from_memory();
    let mut screen = Screen::kernel();
    if let Err(error) = state.announce_boot() {
        screen.line(&format!("{error}; shells will not wait for systemd"));
    }
    loop {
        match ensure::ensure(state, &mut screen, Attempt::Once) {
            Ok(()) => {}
            Err(reason) if state.stopping() => {
                screen.line(&reason);
                std::process::exit(0);
            }
            Err(reason) => {
                screen.line(&reason);
                // A root shell may try again; this process stays for it and for the rescue.
                while !state.installed() && !state.stopping() {
                    std::thread::sleep(Duration::from_millis(200));
                }
                continue;
            }
        }
        let error = handover::become_own_path(invocation);
        screen.line(&format!("/sbin/init: {error}; a restart of the distribution tries it again"));
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
}

/// A user's shell: shows what happens, installs if it may and nobody else does, and becomes the user's real shell.
fn login_shell(state: &InstallState, invocation: &Invocation) -> ExitCode {
    crate::sys::default_sigchld();
    let root = rustix::process::geteuid().is_root();
    if root {
        invocation.run_from_memory();
    }
    let mut screen = Screen::standard_error();
    let attempt = if root { Attempt::Once } else { Attempt::Never };
    let command = invocation.arguments.get(1).map(OsString::as_os_str) == Some(OsStr::new("-c"));
    let on_terminal = !command && std::io::stdin().is_terminal();
    if let Err(reason) = ensure::ensure(state, &mut screen, attempt) {
        screen.line(&reason);
        if on_terminal {
            screen.line("this is a small rescue shell; `exit` leaves it");
            let _ = crate::boot::builtin::run(&["sh".into()]);
        }
        return ExitCode::FAILURE;
    }
    if let Err(reason) = handover::wait_for_system(state, &mut screen) {
        screen.line(&ensure::with_distribution_name(&reason));
        // The system's own shell is the rescue.
        if !on_terminal {
            return ExitCode::FAILURE;
        }
    }
    let error = handover::become_shell(invocation);
    screen.line(&error);
    ExitCode::FAILURE
}

/// Any other program that WSL starts: it is wanted as the system has it.
fn wait_and_become(state: &InstallState, invocation: &Invocation) -> ExitCode {
    let mut screen = Screen::quiet();
    if let Err(reason) = ensure::ensure(state, &mut screen, Attempt::Never) {
        let mut screen = Screen::standard_error();
        screen.line(&reason);
        return ExitCode::FAILURE;
    }
    // What is called may be a part of the rescue, so it is called all the same.
    if let Err(reason) = handover::wait_for_system(state, &mut screen) {
        Screen::standard_error().line(&ensure::with_distribution_name(&reason));
    }
    let error = handover::become_own_path(invocation);
    message::print_error(format_args!("{}: {error}", invocation.file.display()));
    ExitCode::from(126)
}

/// `--unpack DIRECTORY`: the installation alone, in another root; for tests and repairs.
fn unpack_into(directory: &Path) -> ExitCode {
    let mut screen = Screen::standard_error();
    match ensure::ensure(&InstallState::new(directory), &mut screen, Attempt::Once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            screen.line(&reason);
            ExitCode::FAILURE
        }
    }
}
