//! Namespace mode: systemd as process 1 of namespaces of its own, for a WSL that does not start it.
//!
//! The first shell's `nixos-wsl-enter` starts it and waits until it is ready; every shell joins it, with a login session,
//! on the terminal it has. Whatever fails, the user gets the shell outside, with one line that says why.

// A message that nobody takes must not keep a shell from starting: `message::print_error`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod caller;
pub mod cgroups;
pub mod drives;
pub mod enter;
pub mod helper;
pub mod inode;
pub mod limits;
pub mod privileges;
pub mod programs;
pub mod refusals;
pub mod resume;
pub mod rundir;
pub mod start;
pub mod state;
pub mod stop;
pub mod task;
pub mod waiter;

use std::ffi::OsString;
use std::path::Path;

use crate::system::activation::CURRENT;
use crate::system::generations::PROFILE;
use crate::system::message;
use crate::system::root::Root;
use crate::system::settings::{Mode, Settings};
use inode::inode;
pub use programs::{HELPER, SESSION};
use state::NamespaceState;
use task::Task;

/// Whether this process lives where systemd is process 1.
///
/// No variable is asked: they go through `sudo` and `ssh`, and anyone can set them.
#[must_use]
pub fn is_inside() -> bool {
    let recorded = NamespaceState::read().is_ok_and(|state| state.pidns == inode("self", "pid"));
    recorded || is_systemd("1") && Path::new("/run/systemd/system").exists()
}

/// Whether this process has the mounts of a systemd that has ended: `/proc` shows a process namespace without processes.
#[must_use]
pub fn mounts_left_behind() -> bool {
    // Mounted all the same: where no `/proc` is, nothing can be told.
    Path::new("/proc/sys/kernel").exists()
        && !Path::new("/proc/self").exists()
        && !Path::new("/proc/1").exists()
}

/// Whether process 1 is the `/sbin/init` of WSL's own start (W§5.1), and no init of WSL's.
fn is_native() -> bool {
    std::fs::read("/proc/1/cmdline").is_ok_and(|line| line.starts_with(b"/sbin/init\0"))
}

fn is_systemd(process: &str) -> bool {
    std::fs::read(format!("/proc/{process}/comm")).is_ok_and(|name| name == b"systemd\n")
}

/// Becomes the privileged program if this login shell is to go inside first; comes back if it is not, or cannot.
pub fn go_inside(argv: &[OsString]) {
    if is_wanted() {
        let error = enter(Task::Login, argv, None);
        message::print_error(format_args!("nixos-wsl: {HELPER}: {error}; this shell is outside systemd"));
    }
}

/// Becomes the privileged program with a task; comes back with the reason why not.
#[must_use]
pub fn enter(task: Task, argv: &[OsString], environment: Option<&[(OsString, OsString)]>) -> std::io::Error {
    let fixed = ["nixos-wsl-enter", task.word()].map(OsString::from);
    crate::sys::execve(Path::new(HELPER), fixed.iter().chain(argv), environment)
}

/// Whether a login shell that starts here is to go inside first.
#[must_use]
pub fn is_wanted() -> bool {
    let elsewhere = !is_inside() && (NamespaceState::read().is_ok() || starts_systemd());
    elsewhere && (!refusals::refused() || refusals::started_by_wsl())
}

/// Whether the first shell starts systemd.
///
/// It does in namespace mode. A system that was chosen and not yet active is started in the way of the one before it, once:
/// `/etc/wsl.conf` is that one's, and so is the privileged program, which is there for this.
#[must_use]
pub fn starts_systemd() -> bool {
    let namespace = settings().systemd_mode == Mode::Namespace;
    !is_native() && (namespace || !Path::new(CURRENT).exists() && Path::new(HELPER).exists())
}

/// The settings of the system that runs, or is to run; the defaults if they cannot be read.
#[must_use]
pub fn settings() -> Settings {
    let system = [CURRENT, PROFILE].map(Path::new).into_iter().find(|system| system.exists());
    system.and_then(|system| Settings::load(&Root::default(), system).ok()).unwrap_or_default()
}
