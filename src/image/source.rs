//! A file outside the image whose content goes into it: read once, and held against what it was when it was opened.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::tree::absolute;
use super::{ImageError, Result};

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct SourceFile<'a> {
    entry: &'a Path,
    path: &'a Path,
    file: File,
    metadata: Metadata,
    rest: u64,
}

impl<'a> SourceFile<'a> {
    /// Opens the file at `path` for the image's `entry` (relative to its root), without following a link.
    ///
    /// # Errors
    /// When it cannot be opened or is no regular file.
    pub fn open(entry: &'a Path, path: &'a Path) -> Result<Self> {
        let unreadable = |error: io::Error| ImageError::source(&absolute(entry), path, error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file: File =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?.into();
        let metadata = file.metadata().map_err(unreadable)?;
        let rest = metadata.size();
        let source = Self { entry, path, file, metadata, rest };
        if source.metadata.is_file() {
            Ok(source)
        } else {
            Err(source.changed("it is no regular file any more".to_owned()))
        }
    }

    /// What the file was when it was opened.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How many bytes are still to be read.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// Reads at least one byte into `space`, none that came after the file was opened, and says how many.
    ///
    /// # Errors
    /// When the file cannot be read, or has become shorter.
    pub fn read(&mut self, space: &mut [u8]) -> Result<usize> {
        let room = space.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
        loop {
            match self.file.read(&mut space[..room]) {
                Ok(0) if room > 0 => {
                    let size = self.metadata.size();
                    return Err(self.changed(format!("it is {} bytes shorter than its {size}", self.rest)));
                }
                Ok(count) => {
                    self.rest -= count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ImageError::source(&absolute(self.entry), self.path, error)),
            }
        }
    }

    /// Looks once more whether the file is still what it was.
    ///
    /// # Errors
    /// When somebody has written to it meanwhile.
    pub fn finish(self) -> Result<()> {
        let after = self
            .file
            .metadata()
            .map_err(|error| ImageError::source(&absolute(self.entry), self.path, error))?;
        let time = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
        let size = self.metadata.size();
        if after.size() != size {
            return Err(self.changed(format!("its size went from {size} to {}", after.size())));
        }
        if time(&after) != time(&self.metadata) {
            return Err(self.changed("it was written to".to_owned()));
        }
        Ok(())
    }

    fn changed(&self, problem: String) -> ImageError {
        ImageError::Changed {
            entry: absolute(self.entry).display().to_string(),
            source_path: self.path.to_owned(),
            problem,
        }
    }
}
