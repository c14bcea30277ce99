//! What is remembered from boot to boot, and how it changes: see the diagram in the parent module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::system::date;
use crate::system::generations::Generation;

/// A system that was started this often in a row without completing is passed over; once more if it has completed before.
pub const ATTEMPTS: u32 = 2;
/// The format of the state.
pub const VERSION: u32 = 1;
/// Bytes of a reason that are remembered: the whole is in the log.
const REASON: usize = 300;

/// The state. Systems are known by their store path: two generations of one system share its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootState {
    /// The format, [`VERSION`].
    pub version: u32,
    /// The generation to start next time only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<u64>,
    /// What is known of each system.
    #[serde(default)]
    pub systems: BTreeMap<PathBuf, SystemRecord>,
}

impl Default for BootState {
    fn default() -> Self {
        Self { version: VERSION, once: None, systems: BTreeMap::new() }
    }
}

/// What is known of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SystemRecord {
    /// Starts in a row that count against it.
    pub attempts: u32,
    /// The last of them is under way, or ended without a word.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub starting: bool,
    /// Why the last start failed, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it failed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<u64>,
    /// When it last completed a boot, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<u64>,
}

impl SystemRecord {
    /// Why this system is passed over, if it is.
    #[must_use]
    pub fn passed_over(&self) -> Option<String> {
        let limit = ATTEMPTS + u32::from(self.completed_at.is_some());
        if self.attempts < limit {
            return None;
        }
        let mut text = format!("started {} times in a row without reaching multi-user.target", self.attempts);
        if let Some(completed) = self
            .completed_at
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(date::minutes))
        {
            text.extend([" (which it last did on ", completed.as_str(), " UTC)"]);
        }
        if let Some(failure) = &self.failure {
            text.push_str(": ");
            text.push_str(failure);
        }
        Some(text)
    }

    fn failed(&mut self, reason: &str) {
        let end = (0..=REASON.min(reason.len())).rev().find(|&end| reason.is_char_boundary(end));
        self.starting = false;
        self.failure = Some(reason[..end.unwrap_or(0)].to_owned());
        self.failed_at = Some(now());
    }
}

impl BootState {
    /// The record of a system, made if it is new.
    pub fn record(&mut self, system: &Path) -> &mut SystemRecord {
        self.systems.entry(system.to_owned()).or_default()
    }

    /// Why a system is passed over, if it is.
    #[must_use]
    pub fn passed_over(&self, system: &Path) -> Option<String> {
        self.systems.get(system).and_then(SystemRecord::passed_over)
    }

    /// A system is about to be started.
    pub fn begin(&mut self, system: &Path) {
        let record = self.record(system);
        record.attempts = record.attempts.saturating_add(1);
        record.starting = true;
        record.failure = None;
        record.failed_at = None;
    }

    /// A system could not be started, or its start has ended before its time.
    pub fn fail(&mut self, system: &Path, reason: &str) {
        self.record(system).failed(reason);
    }

    /// The same, unless its start is over for the count: completed, or taken back.
    pub fn fail_if_starting(&mut self, system: &Path, reason: &str) {
        if let Some(record) = self.systems.get_mut(system).filter(|record| record.starting) {
            record.failed(reason);
        }
    }

    /// A start has reached its target.
    pub fn complete(&mut self, system: &Path) {
        *self.record(system) = SystemRecord { completed_at: Some(now()), ..SystemRecord::default() };
    }

    /// A start ends without telling anything of its system: it does not count.
    pub fn take_back(&mut self, system: &Path) {
        if let Some(record) = self.systems.get_mut(system).filter(|record| record.starting) {
            record.attempts = record.attempts.saturating_sub(1);
            record.starting = false;
        }
    }

    /// The user wants a system: nothing counts against it any more. With `once`, this generation starts next time only.
    pub fn choose(&mut self, system: &Path, once: Option<u64>) {
        self.once = once;
        if let Some(record) = self.systems.get_mut(system) {
            *record = SystemRecord { completed_at: record.completed_at, ..SystemRecord::default() };
        }
    }

    /// No system could be started: next time all of them are tried again, in the same order.
    pub fn retry_all(&mut self) {
        for record in self.systems.values_mut() {
            record.attempts = 0;
            record.starting = false;
        }
    }

    /// Forgets systems that no generation leads to any more, and such as nothing is known of.
    pub fn prune(&mut self, generations: &[Generation]) {
        self.systems.retain(|path, record| {
            *record != SystemRecord::default()
                && generations.iter().any(|generation| generation.toplevel == *path)
        });
    }

    /// Forgets the system whose record will be missed least; says whether there was one.
    pub(super) fn forget_one(&mut self) -> bool {
        let weight = |record: &SystemRecord| {
            (record.attempts, record.failure.is_some(), record.failed_at.max(record.completed_at))
        };
        let least =
            self.systems.iter().min_by_key(|(_, record)| weight(record)).map(|(path, _)| path.clone());
        least.is_some_and(|path| self.systems.remove(&path).is_some())
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
