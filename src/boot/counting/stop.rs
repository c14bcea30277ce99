//! Who stops the distribution.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::system::activation::CURRENT;

/// WSL's init: where WSL starts systemd, process 1 forks it before it becomes systemd (W§4.3).
const WSL_INIT: u32 = 2;
const SIGTERM: u32 = 15;

/// The reason of a stop that nobody outside asked for.
pub const BY_ITSELF: &str = "it was powered off or restarted from inside before that";

/// The reason of a stop that came from outside when the start had taken too long.
pub fn overdue(age: Duration) -> String {
    format!("it was still starting after {} s, when it was stopped", age.as_secs())
}

/// Whether process 2 ignores SIGTERM, if there is one.
///
/// WSL's init ignores nearly every signal for as long as it lives (W§4.2) and restores them just before it runs
/// `systemctl poweroff` (W§5.6), to end the distribution: `wsl --terminate`, `--shutdown`, or nobody has used it for a while.
/// So whoever ignored it when a start began, and does not any more, is WSL's init and has asked for the stop. It is the
/// kernel that says so. In namespace mode there is no process 2 when a start begins.
pub fn wsl_init_ignores_signals() -> Option<bool> {
    ignores(&std::fs::read_to_string(format!("/proc/{WSL_INIT}/status")).ok()?, SIGTERM)
}

/// Whether the running systemd shuts down. Where it cannot be asked, it does.
#[must_use]
pub fn shuts_down() -> bool {
    let output = Command::new(Path::new(CURRENT).join("sw/bin/systemctl"))
        .arg("is-system-running")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let state = output.map(|output| output.stdout).unwrap_or_default();
    state.is_empty() || ["stopping\n", "offline\n", "unknown\n"].iter().any(|word| state == word.as_bytes())
}

/// Whether a process ignores a signal, by its `status` (proc(5)).
fn ignores(status: &str, signal: u32) -> Option<bool> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        assert_eq!(ignores("Name:\tinit\nSigIgn:\t0000000000004000\nSigCgt:\t0\n", SIGTERM), Some(true));
        assert_eq!(ignores("SigIgn:\tfffffffe7ffbfeff\n", SIGTERM), Some(true));
        assert_eq!(ignores("SigIgn:\t0000000000001000\n", SIGTERM), Some(false));
        assert_eq!(ignores("SigIgn:\tx\n", SIGTERM), None);
        assert_eq!(ignores("", SIGTERM), None);
    }
}
