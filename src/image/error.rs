//! What can go wrong while an image is written; every message names the entry and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::system::error::one_line;

/// The result of a step of the image writer.
pub type Result<T, E = ImageError> = std::result::Result<T, E>;

/// Why no image was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The attributes file is missing or unreadable.
    #[error("cannot read the attributes in {}", one_line(path.display()))]
    ReadAttributes {
        /// The JSON file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The attributes are not JSON, or not of the form that Nix writes.
    #[error("{what} in {} is not as expected", one_line(path.display()))]
    Attributes {
        /// The JSON file.
        path: PathBuf,
        /// The part that does not fit.
        what: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The spec was made for another release of the writer.
    #[error(
        "the image spec has version {found}, this writer reads version {expected}: take nix/image.nix and the tools from one release"
    )]
    Version {
        /// The version in the file.
        found: String,
        /// The version this writer reads.
        expected: u64,
    },
    /// An entry of the spec that cannot be part of a root file system.
    #[error("entry {entry:?}: {problem}")]
    Entry {
        /// The entry's path as written.
        entry: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The closure that Nix exported does not hold what it should.
    #[error("store path {path:?}: {problem}")]
    Closure {
        /// The store path.
        path: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A file, link or directory that goes into the image cannot be read.
    #[error("{}: cannot read {}", one_line(entry), one_line(source_path.display()))]
    Source {
        /// The path inside the image.
        entry: String,
        /// The file outside.
        source_path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that has no place in a store or image.
    #[error("{}: {} is a {kind}; only files, directories and symbolic links can be in an image", one_line(entry), one_line(source_path.display()))]
    Kind {
        /// The path inside the image.
        entry: String,
        /// The file outside.
        source_path: PathBuf,
        /// `socket`, `block device`, …
        kind: &'static str,
    },
    /// A file changed under the writer's hands.
    #[error("{}: {} changed while it was read ({problem}); build again when nothing writes to it", one_line(entry), one_line(source_path.display()))]
    Changed {
        /// The path inside the image.
        entry: String,
        /// The file outside.
        source_path: PathBuf,
        /// What was seen.
        problem: String,
    },
    /// The archive cannot be written.
    #[error("cannot write {}", one_line(path.display()))]
    Write {
        /// The archive.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nix's database cannot be made.
    #[error("cannot make Nix's database for the image")]
    Database(#[from] rusqlite::Error),
    /// The compressor gave something that is no deflate stream: a defect, not the user's fault.
    #[error("the compressor's output is not valid deflate ({0}); please report this")]
    Deflate(&'static str),
    /// A signal asked the writer to stop.
    #[error("interrupted; nothing was left at the output path")]
    Interrupted,
}

impl ImageError {
    /// An entry that does not fit, with the reason.
    pub(crate) fn entry(entry: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Entry { entry: entry.into(), problem: problem.into() }
    }

    /// A store path that does not fit, with the reason.
    pub(crate) fn closure(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Closure { path: path.into(), problem: problem.into() }
    }

    /// A source that cannot be read.
    pub(crate) fn source(entry: &Path, source_path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Source {
            entry: entry.display().to_string(),
            source_path: source_path.to_owned(),
            source: source.into(),
        }
    }
}
