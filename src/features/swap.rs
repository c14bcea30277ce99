//! A directory that is made beside its place and put there at once, so that a reader sees the old one or the new one.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::system::error::{Context, Failure};

/// The directory in the making; removed again unless it is put in place.
pub struct NewDirectory {
    place: PathBuf,
    new: PathBuf,
}

impl NewDirectory {
    /// Makes an empty directory beside `place`, and the directories above it.
    pub fn beside(place: &Path) -> Result<Self, Failure> {
        let parent = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).at(parent)?;
        let mut name = OsString::from(".");
        name.push(place.file_name().unwrap_or_default());
        name.push(".new");
        let new = parent.join(name);
        remove(&new)?;
        fs::create_dir(&new).at(&new)?;
        Ok(Self { place: place.to_owned(), new })
    }

    /// Where to put the content.
    pub fn path(&self) -> &Path {
        &self.new
    }

    /// Puts the directory in its place and removes what was there.
    pub fn put(self) -> Result<(), Failure> {
        match renameat_with(CWD, &self.new, CWD, &self.place, RenameFlags::EXCHANGE) {
            Ok(()) => remove(&self.new),
            Err(Errno::NOENT) => fs::rename(&self.new, &self.place).at(&self.place),
            // A file system that cannot exchange: a moment without is better than nothing.
            Err(_) => {
                remove(&self.place)?;
                fs::rename(&self.new, &self.place).at(&self.place)
            }
        }
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        let _ = remove(&self.new);
    }
}

/// Removes a file, a link or a whole directory; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at(path),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).at(path),
        Ok(_) => fs::remove_file(path).at(path),
    }
}
