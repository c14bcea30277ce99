//! What is remembered from boot to boot: attempts that were not completed, and the choice for the next start.
//!
//! The file survives a kill at any byte: it is written beside the old one, synced, and renamed over it. A damaged file is
//! ignored with a warning, because a boot without counting is better than none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::system::generations::Generation;
use crate::system::root::Root;

/// The state file.
pub const FILE: &str = "/var/lib/nixos-wsl/boot.json";
const FOLDER: &str = "/var/lib/nixos-wsl";
const LIMIT: u64 = 1 << 20;
/// A system that was started this often in a row without completing is passed over.
pub const ATTEMPTS: u32 = 2;

/// The state. Systems are known by their store path: two generations of one system share its fate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The format, 1.
    version: u32,
    /// The generation to start next time only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<u64>,
    /// What is known of each system.
    #[serde(default)]
    pub systems: BTreeMap<PathBuf, Record>,
}

/// What is known of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Record {
    /// Starts in a row that were neither completed nor stopped cleanly.
    pub attempts: u32,
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

impl Record {
    /// Why this system is passed over, if it is.
    #[must_use]
    pub fn passed_over(&self) -> Option<String> {
        if self.attempts < ATTEMPTS {
            return None;
        }
        let why = self.failure.as_deref().unwrap_or("never reached multi-user.target");
        Some(format!("started {} times in a row: {why}", self.attempts))
    }
}

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: std::io::Error,
}

impl State {
    /// Reads the state; the second value is the warning if a file is there that cannot be used.
    #[must_use]
    pub fn load(root: &Root) -> (Self, Option<String>) {
        let fresh = || Self { version: 1, ..Self::default() };
        match root.read(FILE, LIMIT) {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(state) if state.version == 1 => (state, None),
                Ok(state) => (fresh(), Some(format!("{FILE}: ignored: version {} is not 1", state.version))),
                Err(error) => (fresh(), Some(format!("{FILE}: ignored, it is damaged: {error}"))),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (fresh(), None),
            Err(error) => (fresh(), Some(format!("{FILE}: ignored: {error}"))),
        }
    }

    /// The record of a system, made if it is new.
    pub fn record(&mut self, toplevel: &Path) -> &mut Record {
        self.systems.entry(toplevel.to_owned()).or_default()
    }

    /// Notes that a system is about to be started.
    pub fn attempt(&mut self, toplevel: &Path) {
        self.once = None;
        let record = self.record(toplevel);
        record.attempts += 1;
        record.failure = None;
        record.failed_at = None;
    }

    /// Notes why a system did not start.
    pub fn fail(&mut self, toplevel: &Path, reason: &str) {
        let record = self.record(toplevel);
        record.failure = Some(reason.to_owned());
        record.failed_at = Some(now());
    }

    /// Forgets systems that no generation leads to any more.
    pub fn prune(&mut self, generations: &[Generation]) {
        self.systems.retain(|path, _| generations.iter().any(|generation| generation.toplevel == *path));
    }

    /// Writes the state.
    ///
    /// # Errors
    /// A full or read-only disk and the like; the old file is then still whole.
    pub fn save(&self, root: &Root) -> Result<(), SaveError> {
        let path = root.path(FILE);
        let saved = self.write(root, &path).and_then(|folder| folder.sync_all());
        saved.map_err(|source| SaveError { path, source })
    }

    /// Writes the state, and syncs its folder while the boot goes on: every program sees the new file at once, and only
    /// a cut of the power in these milliseconds brings back the old one.
    ///
    /// # Errors
    /// Those of [`State::save`].
    pub fn save_soon(&self, root: &Root) -> Result<JoinHandle<()>, SaveError> {
        let path = root.path(FILE);
        let sync = |folder: File| std::thread::Builder::new().spawn(move || drop(folder.sync_all()));
        self.write(root, &path).and_then(sync).map_err(|source| SaveError { path, source })
    }

    /// Puts the file in its place, synced itself; gives the folder, which is not.
    fn write(&self, root: &Root, path: &Path) -> std::io::Result<File> {
        let folder = root.path(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let beside = folder.join(".boot.json.new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o644).open(&beside)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            std::fs::remove_dir(path)?; // in the way of the rename
        }
        std::fs::rename(&beside, path)?;
        File::open(&folder)
    }

    /// Changes the state while no other program does.
    ///
    /// # Errors
    /// Those of [`State::save`].
    pub fn update(root: &Root, change: impl FnOnce(&mut Self)) -> Result<(), SaveError> {
        let path = root.path(FOLDER);
        // The lock is a courtesy between commands: without it one of two changes at once may be lost, no more.
        let lock = std::fs::create_dir_all(&path).and_then(|()| File::open(&path));
        if let Ok(lock) = &lock {
            let _ = flock(lock, FlockOperation::LockExclusive);
        }
        let (mut state, _) = Self::load(root);
        change(&mut state);
        state.save(root)
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
