//! What the registry says of one distribution (W§1.1, W§1.4).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// The name of the disk there if it is a file; else it is a folder, `rootfs`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "file_name")]
    pub vhd_file_name: Option<String>,
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

/// A name of a file, which leads out of no directory.
fn file_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    match &name {
        Some(text) if Path::new(text).file_name() != Some(OsStr::new(text)) => {
            Err(D::Error::custom(format!("{text:?} is no file's name")))
        }
        _ => Ok(name),
    }
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
    /// The disk: the root file system as a folder, or a file.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.disk_in(&self.base_path)
    }

    /// The disk's path if it were in that directory.
    #[must_use]
    pub fn disk_in(&self, directory: &Path) -> PathBuf {
        directory.join(self.vhd_file_name.as_deref().unwrap_or("rootfs"))
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
            && !self.disk().exists()
            && self.disk_in(&directory).exists()
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
        match self.vhd_file_name {
            Some(_) => delete(&self.disk())?,
            None => removal::remove_tree(&self.disk()).doing_at("delete", self.disk())?,
        }
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
