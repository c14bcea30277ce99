//! Why the root could not be brought up to date.

use std::path::PathBuf;

use crate::system::error::{Failure, one_line};

/// Why the root could not be brought up to date; always with the path.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan cannot be read.
    #[error("{}: {reason}", one_line(path.display()))]
    Plan {
        /// The plan's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of the plan makes no sense.
    #[error("{}: {reason}", one_line(entry.display()))]
    Entry {
        /// The entry's path.
        entry: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file could not be brought into its place.
    #[error(transparent)]
    Io(#[from] Failure),
}
