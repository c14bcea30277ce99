//! `/run/nixos-wsl/boot`: which start is under way, since when, and how long it may take.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stop;
use crate::system::notice;
use crate::system::root::Root;

const FILE: &str = "/run/nixos-wsl/boot";
const LIMIT: u64 = 64 << 10;
/// What systemd's start makes of the same fact; left by versions that wrote nothing else.
const BOOTED: &str = "/run/booted-system";

/// A start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRecord {
    /// The system.
    pub system: PathBuf,
    /// When it began, in seconds after the machine's start: no clock that can be set.
    since: u64,
    /// Seconds until it is overdue.
    limit: u64,
    /// Process 2 was WSL's init when it began.
    #[serde(default)]
    wsl: bool,
}

impl StartRecord {
    /// A start that begins now.
    pub fn now(system: PathBuf, limit: Duration) -> Self {
        let wsl = stop::wsl_init_ignores_signals() == Some(true);
        Self { system, since: uptime().unwrap_or(0), limit: limit.as_secs(), wsl }
    }

    /// Leaves the file; without it the start is known by its system alone, and never overdue.
    pub fn write(&self, root: &Root) {
        let text = serde_json::to_string(self).unwrap_or_default();
        let path = root.path(FILE);
        if let Some(path) = path.to_str() {
            let _ = notice::write(path, &text);
        }
    }

    /// The start of the running system, if there is one.
    pub fn running(root: &Root) -> Option<Self> {
        let written =
            root.read(FILE, LIMIT).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        written.or_else(|| {
            let system = std::fs::read_link(root.path(BOOTED)).ok()?;
            Some(Self { system, since: 0, limit: u64::MAX, wsl: false })
        })
    }

    /// Whether WSL has begun to end the distribution since then.
    pub fn asked_by_wsl(&self) -> bool {
        self.wsl && stop::wsl_init_ignores_signals() == Some(false)
    }

    /// How long it has taken, if that is longer than it may.
    pub fn overdue(&self) -> Option<Duration> {
        let age = uptime()?.saturating_sub(self.since);
        (age > self.limit).then(|| Duration::from_secs(age))
    }
}

/// Seconds since the machine started (proc(5), `/proc/uptime`).
fn uptime() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    text.split('.').next()?.parse().ok()
}
