//! What `/bin/sh` says while there is no system: WSL waits for systemd by asking it (W§5.2, W§5.3, W§5.6).

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use super::state::InstallState;

/// Answers WSL's own questions; nothing for any other command, which has to wait for the system.
#[must_use]
pub fn answer(state: &InstallState, arguments: &[OsString]) -> Option<ExitCode> {
    if state.installed() {
        return None;
    }
    let command = match arguments {
        [_, option, command, ..] if option == "-c" => command.as_os_str(),
        _ => OsStr::new(""),
    };
    let command = command.to_string_lossy();
    let print = |text: &str| {
        let _ = std::io::stdout().write_all(text.as_bytes());
        Some(ExitCode::SUCCESS)
    };
    // The first shell shows how far the installation is, and then waits itself.
    if command.starts_with("systemctl is-system-running") {
        return print("running\n");
    }
    if command.starts_with("systemctl is-active user@") {
        return print("active\n");
    }
    if command.starts_with("systemctl poweroff") {
        state.stop();
        return Some(ExitCode::SUCCESS);
    }
    // After a failure this is the only shell there is.
    state.failure().map(|_| crate::boot::builtin::run(arguments))
}
