//! What the processes of the installer know of each other, and what is known after a kill: a lock, a journal, a few files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::error::{InstallError, Result};
use crate::system::installer::{DIRECTORY, MANIFEST, Manifest};
use crate::system::replace::{self, Attributes, Durability};

/// On the memory file system of `/run`, gone with the instance.
const RUN: &str = "run/nixos-wsl";
const LIMIT: u64 = 1 << 20;

/// How far the installation is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// Nothing has been written.
    New,
    /// Files are being written; `free` bytes were free before the first.
    Unpacking {
        /// Free bytes before the first write.
        free: u64,
    },
    /// Everything is written, checked and on the disk; the entry points are being replaced.
    Switching,
}

/// The installation in one root directory.
#[derive(Debug)]
pub struct InstallState {
    root: PathBuf,
}

impl Default for InstallState {
    fn default() -> Self {
        Self::new(Path::new("/"))
    }
}

/// Held by the one process that installs.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "open as long as the lock is held")] File);

impl InstallState {
    /// The installation in the root at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path, relative to the root, in the caller's view.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Whether the system is in place.
    #[must_use]
    pub fn installed(&self) -> bool {
        self.path(MANIFEST).symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// When it is missing or not understood.
    pub fn manifest(&self) -> Result<Manifest> {
        let path = self.path(MANIFEST);
        read(&path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| Manifest::parse(&bytes))
            .map_err(|reason| InstallError::Manifest { path, reason })
    }

    /// Takes the lock, if nobody holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn lock(&self) -> Result<Option<Lock>> {
        let fail = |error: io::Error| InstallError::at(format!("{RUN}/install.lock"), error);
        fs::create_dir_all(self.path(RUN)).map_err(fail)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.run("lock"))
            .map_err(fail)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(fail(error.into())),
        }
    }

    /// What the journal says.
    #[must_use]
    pub fn journal(&self) -> Journal {
        let text = read(&self.path(&format!("{DIRECTORY}/journal"))).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        match text.trim().split_once(' ') {
            Some(("unpacking", free)) => match free.parse() {
                Ok(free) => Journal::Unpacking { free },
                Err(_) => Journal::New,
            },
            None if text.trim() == "switching" => Journal::Switching,
            _ => Journal::New,
        }
    }

    /// Writes the journal, to the disk.
    ///
    /// # Errors
    /// Those of writing.
    pub fn set_journal(&self, journal: Journal) -> Result<()> {
        let text = match journal {
            Journal::New => String::new(),
            Journal::Unpacking { free } => format!("unpacking {free}\n"),
            Journal::Switching => "switching\n".to_owned(),
        };
        let path = format!("{DIRECTORY}/journal");
        replace::write(&self.path(&path), text.as_bytes(), Attributes::mode(0o644), Durability::Full)
            .map(drop)
            .map_err(|failure| InstallError::at(path, failure.into_reason()))
    }

    /// Tells the processes that wait how much of the total is done.
    pub fn publish(&self, done: u64, total: u64) {
        self.leave_text("progress", &format!("{done} {total}"));
    }

    /// Leaves a text for the processes that wait, which may do without it.
    fn leave_text(&self, name: &str, text: &str) {
        let _ = replace::write(&self.run(name), text.as_bytes(), Attributes::mode(0o644), Durability::None);
    }

    /// What [`InstallState::publish`] wrote last.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, u64)> {
        let text = fs::read_to_string(self.run("progress")).ok()?;
        let (done, total) = text.split_once(' ')?;
        Some((done.parse().ok()?, total.parse().ok()?))
    }

    /// Says why the last attempt failed, or that there is a new one.
    pub fn set_failure(&self, reason: Option<&str>) {
        match reason {
            Some(reason) => self.leave_text("failed", reason),
            None => drop(fs::remove_file(self.run("failed"))),
        }
    }

    /// Why the last attempt failed.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        fs::read_to_string(self.run("failed")).ok()
    }

    /// Says that process 1 will start systemd.
    ///
    /// # Errors
    /// Those of writing.
    pub fn announce_boot(&self) -> Result<()> {
        fs::create_dir_all(self.path(RUN))
            .and_then(|()| fs::write(self.run("boots"), ""))
            .map_err(|error| InstallError::at(format!("{RUN}/install.boots"), error))
    }

    /// Whether process 1 will start systemd.
    #[must_use]
    pub fn starts_systemd(&self) -> bool {
        self.run("boots").exists()
    }

    /// Asks the installation to end: WSL stops the distribution.
    pub fn stop(&self) {
        let _ = fs::write(self.run("stop"), "");
    }

    /// Whether WSL stops the distribution.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.run("stop").exists()
    }

    fn run(&self, name: &str) -> PathBuf {
        self.path(&format!("{RUN}/install.{name}"))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
