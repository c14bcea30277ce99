//! What the registry says of one distribution (W§1.1, W§1.4).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::sim::wire::process::Identity;
use crate::sim::wire::removal;
use crate::system::error::{Context, Failure};

/// A registered distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Registration {
    /// Its name as given; names match without regard to case.
    pub distribution_name: String,
    /// The directory with its disk.
    pub base_path: PathBuf,
    /// Whether it can be used.
    pub state: DistributionState,
    /// Default user's id.
    pub default_uid: u32,
    /// The next interactive start runs the first-run command.
    #[serde(rename = "RunOOBE")]
    pub run_oobe: bool,
    /// `ID` of os-release.
    pub flavor: Option<String>,
    /// `VERSION_ID` of os-release.
    pub os_version: Option<String>,
    /// The unfinished archive of an export, which must not outlive its worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<PathBuf>,
    /// Where its disk is on the way to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<PathBuf>,
}

/// What is going on with a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DistributionState {
    /// In use.
    Installed,
    /// Being unpacked by that process.
    Installing(Identity),
    /// Being removed by that process.
    Uninstalling(Identity),
    /// Being written to an archive by that process.
    Exporting(Identity),
}

impl DistributionState {
    /// The process that is at work on it.
    #[must_use]
    pub fn worker(&self) -> Option<Identity> {
        match self {
            Self::Installed => None,
            Self::Installing(worker) | Self::Uninstalling(worker) | Self::Exporting(worker) => Some(*worker),
        }
    }
}

impl Registration {
    /// The root file system.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.base_path.join("rootfs")
    }

    /// Ends an export: its unfinished archive is deleted.
    ///
    /// # Errors
    ///
    /// It cannot be deleted.
    pub fn end_export(&mut self) -> Result<(), Failure> {
        self.state = DistributionState::Installed;
        self.unfinished.take().map_or(Ok(()), |path| delete(&path))
    }

    /// Ends a move, also one whose command was killed: the disk is where its root is.
    pub fn end_move(&mut self) {
        if let Some(directory) = self.moving_to.take()
            && !self.root().exists()
            && directory.join("rootfs").exists()
        {
            let old = std::mem::replace(&mut self.base_path, directory);
            // Someone else's files in the directory stay, and so does the directory.
            let _ = fs::remove_dir(old);
        }
    }

    /// Deletes the disk; a directory that held nothing else goes with it, as on Windows.
    ///
    /// # Errors
    ///
    /// A file cannot be deleted.
    pub fn delete_disk(&self) -> Result<(), Failure> {
        removal::remove_tree(&self.root()).doing_at("delete", self.root())?;
        // Someone else's files in the directory stay, and so does the directory.
        let _ = fs::remove_dir(&self.base_path);
        Ok(())
    }
}

/// Deletes a file. One that does not exist is no error.
///
/// # Errors
///
/// The system's.
pub fn delete(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing_at("delete", path),
        _ => Ok(()),
    }
}
