//! WSL waits for systemd and for a user's manager by asking `/bin/sh` every 250 ms whether they are up (W§5.2, W§5.3). The
//! shell starts when they are, or after a second, so that a first shell does not wait for the next question.
//!
//! Nothing but the time at which the shell starts depends on the question.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::programs;
use crate::system::wait;

/// WSL gives up at the first question that is answered after its own limit (`boot.initTimeout`): this is by how much that
/// may be later.
const LIMIT: Duration = Duration::from_secs(1);
/// How often files are looked for, which appear milliseconds before the answer changes.
const TURN: Duration = Duration::from_millis(10);

/// systemd's own socket for root, from when it listens.
const SYSTEM: &str = "/run/systemd/private";

/// What WSL asks.
#[derive(Debug, PartialEq, Eq)]
enum Question {
    System,
    User(u32),
}

/// Waits until the answer to a question of WSL's is the one that it waits for; at once where `argv` is anything else.
pub fn wait(argv: &[OsString]) {
    let Some(question) = question(argv) else { return };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let deadline = Instant::now() + LIMIT;
    let systemctl = || programs::candidates("systemctl").find(|program| program.exists());
    // WSL ignores the end of its children, and so do those.
    crate::sys::with_children(|| match question {
        Question::System => {
            if let Some(systemctl) = appears(Path::new(SYSTEM), deadline).then(systemctl).flatten() {
                run(Command::new(systemctl).args(["is-system-running", "--wait"]), deadline);
            }
        }
        Question::User(uid) => {
            let socket = PathBuf::from(format!("/run/user/{uid}/systemd/private"));
            if let Some(systemctl) = appears(&socket, deadline).then(systemctl).flatten() {
                let unit = format!("user@{uid}.service");
                while Instant::now() < deadline && is_activating(&systemctl, &unit) {
                    std::thread::sleep(TURN);
                }
            }
        }
    });
}

fn question(argv: &[OsString]) -> Option<Question> {
    let [_, option, question] = argv else { return None };
    let question = question.to_str().filter(|_| option == "-c")?;
    if question == "systemctl is-system-running | grep -E \"running|degraded\"" {
        return Some(Question::System);
    }
    let uid = question.strip_prefix("systemctl is-active user@")?.strip_suffix(".service")?;
    uid.parse().ok().map(Question::User)
}

/// Waits until there is something at `path`; `false` at the deadline.
fn appears(path: &Path, deadline: Instant) -> bool {
    while !path.exists() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(TURN);
    }
    true
}

/// Whether the unit's start is under way.
fn is_activating(systemctl: &Path, unit: &str) -> bool {
    let output = Command::new(systemctl).args(["is-active", unit]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout == b"activating\n")
}

/// Runs a command in silence, to its end or the deadline.
fn run(command: &mut Command, deadline: Instant) {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return };
    if let Ok(ended) = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
        let _ = wait::readable(&ended, deadline.saturating_duration_since(Instant::now()));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Option<Question> {
        question(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn knows_wsls_questions_and_no_others() {
        let system = "systemctl is-system-running | grep -E \"running|degraded\"";
        assert_eq!(asked(&["sh", "-c", system]), Some(Question::System));
        let user = "systemctl is-active user@1000.service";
        assert_eq!(asked(&["sh", "-c", user]), Some(Question::User(1000)));
        for words in [
            &["sh"][..],
            &["sh", "-c"],
            &["sh", "-e", system],
            &["sh", "-c", system, "more"],
            &["sh", "-c", "systemctl is-system-running"],
            &["sh", "-c", "systemctl is-active user@.service"],
            &["sh", "-c", "systemctl is-active user@-1.service"],
            &["sh", "-c", "systemctl is-active user@1000.service; true"],
        ] {
            assert_eq!(asked(words), None, "{words:?}");
        }
    }
}
