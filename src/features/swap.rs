//! A directory that is made anew at each start and put in its place at once (`system::replace`), with the directories above.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability, Target};

/// The directory in the making; removed again unless it is put in place.
pub struct NewTree {
    new: replace::NewDirectory,
    path: PathBuf,
}

impl NewTree {
    /// Makes an empty directory make `place`, and the directories above it.
    pub fn make(place: &Path) -> Result<Self, Failure> {
        let parent = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).at(parent)?;
        let folder = replace::open_folder(place).at(parent)?;
        let new = replace::NewDirectory::new(Target::new(folder.as_fd(), place), Attributes::mode(0o755))?;
        Ok(Self { path: new.path(), new })
    }

    /// Where to put the content.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the directory in its place and removes what was there. A power cut costs nothing that the next start does not
    /// make again.
    pub fn put(self) -> Result<(), Failure> {
        self.new.take_place(Durability::None)
    }
}

/// Removes a file, a link or a whole directory but not what is mounted in it; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match replace::open_folder(path) {
        Ok(folder) => replace::remove(folder.as_fd(), path.file_name().unwrap_or_default()).at(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at(path),
    }
}
