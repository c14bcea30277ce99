//! Why the system was not installed: what happened, what is safe, and what to do next.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::system::error::one_line;

/// The result of a step of the installation.
pub type Result<T, E = InstallError> = std::result::Result<T, E>;

/// Why an installation ended.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nobody can write here.
    #[error("the root file system is read-only")]
    ReadOnly,
    /// The manifest is missing or not understood.
    #[error("{}: {reason}", one_line(path.display()))]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive cannot be opened.
    #[error("the system's archive {} cannot be read: {source}", one_line(path.display()))]
    Archive {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive's bytes are not those that were written.
    #[error("the system's archive is damaged: {0}")]
    Damaged(String),
    /// There is not enough room to begin.
    #[error("the disk has {free} MB free, and the system needs {needed} MB")]
    Space {
        /// Needed megabytes.
        needed: u64,
        /// Free megabytes.
        free: u64,
    },
    /// The disk ran full.
    #[error("the disk is full: no room for /{}", one_line(path.display()))]
    Full {
        /// The member that did not fit.
        path: PathBuf,
    },
    /// A member of the archive that must not or cannot be written.
    #[error("/{}: {problem}", one_line(path.display()))]
    Member {
        /// The member, relative to the root.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be written.
    #[error("/{}: {source}", one_line(path.display()))]
    Write {
        /// The path, relative to the root.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// WSL stops the distribution.
    #[error("the distribution is being stopped")]
    Stopped,
}

impl InstallError {
    /// The error of a failed step at `path` (relative to the root).
    pub fn at(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.into(), source.into());
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full { path },
            Some(Errno::ROFS) => Self::ReadOnly,
            _ => Self::Write { path, source },
        }
    }

    /// The whole message, with `{name}` for the distribution's name.
    #[must_use]
    pub fn explain(&self) -> String {
        let (safe, next) = match self {
            Self::ReadOnly => (
                "Nothing was changed.",
                "Its disk may have been mounted read-only after an error; restart WSL: wsl --shutdown",
            ),
            Self::Space { .. } => (
                "Nothing was changed.",
                "Free some space on the Windows drive with the distribution, then: wsl --terminate {name}",
            ),
            Self::Full { .. } => (
                "What is unpacked stays and is not unpacked again; the system is not in use yet.",
                "Free some space on the Windows drive with the distribution, then: wsl --terminate {name}",
            ),
            Self::Manifest { .. } | Self::Archive { .. } | Self::Damaged(_) => (
                "The system was not taken into use.",
                "Get the file again, compare its checksum, and start anew: wsl --unregister {name}",
            ),
            Self::Member { .. } | Self::Write { .. } => (
                "What is unpacked stays; the system is not in use yet.",
                "A restart goes on from there: wsl --terminate {name}",
            ),
            Self::Stopped => ("What is unpacked stays.", "The next start goes on from there: wsl -d {name}"),
        };
        format!("NixOS is not installed: {self}.\n{safe}\n{next}")
    }
}
