//! What the optional services of the modules do, each run by a systemd unit through `nixos-wsl`; the programs that a stock
//! launcher makes its user with; and the doctor.

pub mod drivers;
pub mod start_menu;
mod swap;
pub mod usbip;

use std::io;
use std::path::{Path, PathBuf};

/// A file operation that failed, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Names the file in an error.
trait At<T> {
    fn at(self, path: &Path) -> Result<T, FileError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, FileError> {
        self.map_err(|error| FileError { path: path.to_owned(), source: error.into() })
    }
}
