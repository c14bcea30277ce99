//! `/run/nixos-wsl`: what the privileged program trusts, and the lock that is held until systemd is ready.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, mkdirat, openat, unlinkat,
};
use rustix::io::Errno;

use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability, Target};

/// The lock that is held from the decision to start systemd until it is ready.
pub const START_LOCK: &str = "lock";
/// The folder of the state.
pub const PATH: &str = "/run/nixos-wsl";
/// A file of ours is never larger.
const LIMIT: u64 = 64 << 10;

/// Why the folder, or a file in it, is not used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A system call failed.
    #[error("{PATH}/{name}: {source}")]
    System {
        /// The file's name; empty for the folder.
        name: &'static str,
        /// Why.
        source: Errno,
    },
    /// A file could not be replaced.
    #[error(transparent)]
    Replace(#[from] Failure),
    /// Someone else could have written it.
    #[error("{PATH}/{0}: not root's own, or not what it should be; it is not used")]
    Foreign(&'static str),
    /// Another start holds the lock for too long.
    #[error("systemd is still being started by another shell after {0} s")]
    Busy(u64),
}

/// The open folder.
#[derive(Debug)]
pub struct RunDir(OwnedFd);

fn trusted(found: &Stat, kind: FileType) -> bool {
    found.st_uid == 0 && found.st_mode & 0o022 == 0 && FileType::from_raw_mode(found.st_mode) == kind
}

impl RunDir {
    /// Opens the folder, which only root may write to.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open() -> Result<Self, RunError> {
        let error = |source| RunError::System { name: "", source };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(CWD, PATH, flags, Mode::empty()).map_err(error)?;
        if trusted(&fstat(&folder).map_err(error)?, FileType::Directory) {
            Ok(Self(folder))
        } else {
            Err(RunError::Foreign(""))
        }
    }

    /// Opens the folder and makes it first if there is none.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn make() -> Result<Self, RunError> {
        match mkdirat(CWD, PATH, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Self::open(),
            Err(source) => Err(RunError::System { name: "", source }),
        }
    }

    /// Opens a file of it: a regular one of root's, not reached by a link.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn file(&self, name: &'static str, flags: OFlags, mode: u32) -> Result<File, RunError> {
        let error = |source| RunError::System { name, source };
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = openat(&self.0, name, flags, Mode::from_raw_mode(mode)).map_err(error)?;
        if trusted(&fstat(&file).map_err(error)?, FileType::RegularFile) {
            Ok(File::from(file))
        } else {
            Err(RunError::Foreign(name))
        }
    }

    /// Reads a small file of it.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn read(&self, name: &'static str) -> Result<Vec<u8>, RunError> {
        let mut bytes = Vec::new();
        let file = self.file(name, OFlags::RDONLY, 0)?;
        let source = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        file.take(LIMIT)
            .read_to_end(&mut bytes)
            .map_err(|error| RunError::System { name, source: source(error) })?;
        Ok(bytes)
    }

    /// Replaces a file of it in one step.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn replace(&self, name: &'static str, bytes: &[u8], mode: u32) -> Result<(), RunError> {
        let path = Path::new(PATH).join(name);
        let target = Target::new(self.0.as_fd(), &path);
        let fill = |file: &mut File| file.write_all(bytes).at(&path);
        Ok(replace::file(target, Attributes::mode(mode), Durability::None, fill)?)
    }

    /// Makes an empty file of it, if it is not there.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn create_empty(&self, name: &str) -> Result<(), RunError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.0, name, flags, Mode::from_raw_mode(0o644)) {
            Ok(_) => Ok(()),
            Err(source) => Err(RunError::System { name: "", source }),
        }
    }

    /// Removes a file of it, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.0, name, AtFlags::empty());
    }

    /// Takes the lock of a file; the file that is returned holds it, and no program started from here inherits it. `report` is
    /// called once if that takes more than a second.
    ///
    /// # Errors
    /// [`RunError::Busy`] after `patience`.
    pub fn lock(
        &self,
        name: &'static str,
        patience: Duration,
        mut report: impl FnMut(),
    ) -> Result<File, RunError> {
        let error = |source| RunError::System { name, source };
        let file = self.file(name, OFlags::RDWR | OFlags::CREATE, 0o600)?;
        let start = Instant::now();
        let mut reported = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(reason) => return Err(error(reason)),
            }
            if start.elapsed() > patience {
                return Err(RunError::Busy(patience.as_secs()));
            }
            if !reported && start.elapsed() > Duration::from_secs(1) {
                reported = true;
                report();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
