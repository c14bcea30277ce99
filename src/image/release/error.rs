//! Why there is no release.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::image::ImageError;
use crate::image::manifest::ManifestError;

/// Why no release was written.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// A file of it.
    #[error("cannot {step} {}", path.display())]
    File {
        /// What was to be done.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The attributes, or a file that they name, are not of the form that is expected.
    #[error("{} is not as expected", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The closure of the attributes.
    #[error(transparent)]
    Closure(#[from] ImageError),
    /// An image that is to be listed.
    #[error(transparent)]
    List(#[from] ManifestError),
    /// Two files of one name.
    #[error("two files of the release are called {0:?}")]
    Twice(String),
    /// A name that is not one of a file in a folder.
    #[error("{0:?} is no plain file name")]
    Name(String),
    /// No changes of this version.
    #[error("{}: neither {version:?} nor \"Unreleased\" is a heading of the second level", path.display())]
    Changes {
        /// The changelog.
        path: PathBuf,
        /// The version of the release.
        version: String,
    },
    /// The bill of materials does not keep to its format: a defect, not the user's fault.
    #[error("the bill of materials is not valid ({0}); please report this")]
    Materials(String),
}

/// Says of a system call what it was for.
pub(super) trait FileStep<T> {
    fn step(self, step: &'static str, path: &Path) -> Result<T, ReleaseError>;
}

impl<T> FileStep<T> for io::Result<T> {
    fn step(self, step: &'static str, path: &Path) -> Result<T, ReleaseError> {
        self.map_err(|source| ReleaseError::File { step, path: path.to_owned(), source })
    }
}
