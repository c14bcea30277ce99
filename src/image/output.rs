//! The file that the image goes to: it appears whole under its name, or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::Result;
use super::stream::write_error;

/// A file that is being written under another name beside its own.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    file: Option<NamedTempFile>,
    /// Directories that were made for it, the outermost first.
    made: Vec<PathBuf>,
}

impl Output {
    /// Starts the file for `path`, with the directories that it needs.
    ///
    /// # Errors
    /// When a directory or the file cannot be made, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self> {
        let fail = |error| write_error(path, error);
        if path.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut missing: Vec<_> = parent.ancestors().take_while(|directory| !directory.exists()).collect();
        missing.retain(|directory| !directory.as_os_str().is_empty());
        let made: Vec<_> = missing.into_iter().rev().map(Path::to_owned).collect();
        let mut output = Self { path: path.to_owned(), file: None, made };
        fs::create_dir_all(parent).map_err(fail)?;
        let file = Builder::new()
            .prefix(".nixos-wsl-image.")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(parent)
            .map_err(fail)?;
        output.file = Some(file);
        Ok(output)
    }

    /// The file's own name, where it will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where to write.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn writer(&self) -> Result<impl Write + Send> {
        self.file()
    }

    /// The file, for reading and writing in any place.
    ///
    /// # Errors
    /// As [`Output::writer`].
    pub fn file(&self) -> Result<File> {
        self.named()?.reopen().map_err(|error| write_error(&self.path, error))
    }

    /// Where the file is until it is published.
    ///
    /// # Errors
    /// As [`Output::writer`].
    pub fn temporary(&self) -> Result<&Path> {
        Ok(self.named()?.path())
    }

    fn named(&self) -> Result<&NamedTempFile> {
        self.file.as_ref().ok_or_else(|| write_error(&self.path, io::ErrorKind::NotFound.into()))
    }

    /// Gives the file its name and says how many bytes it has. Not synced: whoever copies it elsewhere reads what was
    /// written, and a build that a power cut interrupts is done again.
    ///
    /// # Errors
    /// When the disk or the directory takes it no more.
    pub fn publish(mut self) -> Result<u64> {
        let fail = |error| write_error(&self.path, error);
        let Some(file) = self.file.take() else { return Err(fail(io::ErrorKind::NotFound.into())) };
        let size = file.as_file().metadata().map_err(fail)?.len();
        // The umask has taken bits away from what the file was made with.
        file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(fail)?;
        file.persist(&self.path).map_err(|error| fail(error.error))?;
        self.made.clear();
        Ok(size)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.file.take());
        for directory in self.made.iter().rev() {
            // Somebody else may have put something there meanwhile.
            let _ = fs::remove_dir(directory);
        }
    }
}
