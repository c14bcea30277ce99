//! A login that waits while process 1 activates a system: on a terminal it says so, and what the activation does.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use super::environment;
use crate::system::activation::CURRENT;
use crate::system::log;
use crate::system::notice;
use crate::system::root::Root;
use crate::system::step::Step;

/// What takes no longer than this needs no words.
const UNNOTICED: Duration = Duration::from_millis(500);
const TURN: Duration = Duration::from_millis(20);
/// More than the last line of the log, in bytes.
const END: u64 = 1024;

/// Waits while process 1 activates a system, but not for ever: WSL gives up waiting too, and then wants a shell.
pub fn wait_for_activation(warn: &mut impl FnMut(String)) {
    let activating = Path::new(notice::ACTIVATING);
    if !activating.exists() {
        return;
    }
    let limit = Duration::from_secs(environment::settings(warn).login_wait);
    let start = Instant::now();
    let mut step = Step::default();
    // Looked at by name each time, so that a link that appears by rename, or a new /run, is seen as well.
    while activating.exists() && !Path::new(CURRENT).exists() {
        if start.elapsed() > limit {
            step.clear();
            warn(format!("the system is still activating after {} s; going on without it", limit.as_secs()));
            return;
        }
        if step.is_seen() && start.elapsed() > UNNOTICED {
            step.show(&text());
        }
        std::thread::sleep(TURN);
    }
}

/// Which system is activated, and the last line that its activation has said.
fn text() -> String {
    let system = Root::default().read(notice::ACTIVATING, 1 << 12).unwrap_or_default();
    let system = String::from_utf8_lossy(&system).trim().to_owned();
    match last_line() {
        Some(line) => format!("activating {system}... {line}"),
        None => format!("activating {system}..."),
    }
}

/// The end of the boot's log.
fn last_line() -> Option<String> {
    let mut file = File::open(log::FILE).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}
