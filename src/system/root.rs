//! A distribution's root directory: `/` itself, or one mounted somewhere else for recovery.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// A root directory; absolute links inside it lead to places inside it.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// The root at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Where the absolute `path` of the distribution is in the caller's view; links in it are not followed.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Opens a file with links resolved as if this root were `/`.
    ///
    /// # Errors
    /// Those of `openat2(2)`.
    pub fn open(&self, path: impl AsRef<Path>, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if self.0 == Path::new("/") {
            return rustix::fs::openat(CWD, path.as_ref(), flags, Mode::empty());
        }
        let root = rustix::fs::openat(
            CWD,
            &self.0,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        openat2(root, path.as_ref(), flags, Mode::empty(), ResolveFlags::IN_ROOT)
    }

    /// Whether `path` exists, is a regular file and has an execute bit.
    ///
    /// # Errors
    /// `NOENT`, `ACCES` and the like: why it cannot be executed.
    pub fn executable(&self, path: impl AsRef<Path>) -> Result<(), Errno> {
        let found = rustix::fs::fstat(self.open(path, OFlags::PATH)?)?;
        let regular = rustix::fs::FileType::from_raw_mode(found.st_mode).is_file();
        if regular && found.st_mode & 0o111 != 0 { Ok(()) } else { Err(Errno::ACCESS) }
    }

    /// Reads a small file whole.
    ///
    /// # Errors
    /// Those of opening and reading; `FBIG` if it has more than `limit` bytes.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> std::io::Result<Vec<u8>> {
        // NONBLOCK: a FIFO in place of the file must not stop the boot.
        let file = File::from(self.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        // Room for all of it and the end: a login reads without moving what it has.
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit) + 1).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(Errno::FBIG.into()) } else { Ok(bytes) }
    }
}
