//! Why there is no release.

use std::path::PathBuf;

use thiserror::Error;

use crate::image::ImageError;
use crate::image::manifest::ManifestError;
use crate::system::error::Failure;

/// Why no release was written.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// A file of it. The failure's text has the reason already: it is no source.
    #[error("cannot {0}")]
    File(Failure),
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

impl From<Failure> for ReleaseError {
    fn from(failure: Failure) -> Self {
        Self::File(failure)
    }
}
