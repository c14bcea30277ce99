//! Files of a distribution, looked up from outside as a process inside would see them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::wsl::distribution::RESOURCE_LIMIT;

/// A distribution's root directory.
pub struct Rootfs<'a>(pub &'a Path);

impl Rootfs<'_> {
    fn open(&self, path: &str, flags: OFlags, resolve: ResolveFlags) -> io::Result<File> {
        let root = rustix::fs::openat(CWD, self.0, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let file = openat2(
            &root,
            path.trim_start_matches('/'),
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve | ResolveFlags::NO_MAGICLINKS,
        )?;
        Ok(file.into())
    }

    /// Whether the path leads anywhere, with absolute links starting at the root.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.open(path, OFlags::PATH, ResolveFlags::IN_ROOT).is_ok()
    }

    /// Reads a file as a process inside would.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        read(self.open(path, OFlags::RDONLY | OFlags::NONBLOCK, ResolveFlags::IN_ROOT)?, u64::MAX)
    }

    /// Reads a file as WSL does before it enters the distribution: an absolute link leads out of it, to nothing (W§4.1).
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub fn read_from_outside(&self, path: &str) -> io::Result<Vec<u8>> {
        read(self.open(path, OFlags::RDONLY | OFlags::NONBLOCK, ResolveFlags::BENEATH)?, u64::MAX)
    }

    /// Reads an icon or a template (W§2): no `..` in the path, at most 1 MiB.
    ///
    /// # Errors
    ///
    /// As WSL's log would have it; the import goes on.
    pub fn read_resource(&self, path: &str) -> io::Result<Vec<u8>> {
        if path.contains("..") {
            return Err(io::Error::other(format!("{path} contains '..'")));
        }
        let file = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK, ResolveFlags::IN_ROOT)?;
        if file.metadata()?.len() > RESOURCE_LIMIT {
            return Err(io::Error::other(format!("{path} is larger than {RESOURCE_LIMIT} bytes")));
        }
        read(file, RESOURCE_LIMIT)
    }
}

fn read(file: File, limit: u64) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut contents = Vec::new();
    file.take(limit).read_to_end(&mut contents)?;
    Ok(contents)
}
