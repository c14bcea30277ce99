//! Writes one member into an open directory: never into a file that is there, but beside it and then over it by a rename.
//!
//! A member that is there already and right is left as it is: that is how an interrupted installation goes on.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::error::Error;
use super::place::Attributes;

/// The name of what is not in its place yet; a killed run leaves one at most in a directory.
pub const BESIDE: &str = ".nixos-wsl-install-new";

/// What has to be read back of files that are there already.
pub struct Buffers {
    new: Vec<u8>,
    old: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { new: vec![0; 128 << 10], old: vec![0; 128 << 10] }
    }
}

/// The two sides of a copy fail for different reasons.
#[derive(Debug)]
pub enum CopyError {
    /// The archive.
    Read(io::Error),
    /// The disk.
    Write(io::Error),
}

impl CopyError {
    /// The installation's error for the member at `path`.
    #[must_use]
    pub fn at(self, path: &Path) -> Error {
        match self {
            Self::Read(error) => Error::Damaged(error.to_string()),
            Self::Write(error) => Error::at(path, error),
        }
    }
}

impl From<Errno> for CopyError {
    fn from(error: Errno) -> Self {
        Self::Write(error.into())
    }
}

/// Writes `size` bytes of `content` as the file `name`.
///
/// # Errors
/// Those of either side.
pub fn file(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: Attributes,
    size: u64,
    content: &mut impl BufRead,
    buffers: &mut Buffers,
) -> Result<(), CopyError> {
    match create(directory, name, attributes) {
        Ok(file) => return fill(file, attributes, size, content),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let regular = FileType::from_raw_mode(found.st_mode).is_file();
    let mut equal = 0;
    let Buffers { new: buffer, old: other } = buffers;
    if regular && attributes.fits(&found) && u64::try_from(found.st_size) == Ok(size) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut old = File::from(rustix::fs::openat(directory, name, flags, Mode::empty())?);
        let mut rest = size;
        // The bytes of `content` are gone once they are read: what has been found equal is copied from the old file.
        let unequal = loop {
            if rest == 0 {
                return rustix::fs::futimens(&old, &attributes.times()).map_err(Into::into);
            }
            let part = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
            content.read_exact(&mut buffer[..part]).map_err(CopyError::Read)?;
            rest -= part as u64;
            if old.read_exact(&mut other[..part]).is_err() || other[..part] != buffer[..part] {
                break part;
            }
            equal += part as u64;
        };
        return replacing(directory, name, attributes, |mut file| {
            let mut old = File::from(rustix::fs::openat(directory, name, flags, Mode::empty())?);
            io::copy(&mut (&mut old).take(equal), &mut file).map_err(CopyError::Write)?;
            file.write_all(&buffer[..unequal]).map_err(CopyError::Write)?;
            fill(file, attributes, rest, content)
        });
    }
    replacing(directory, name, attributes, |file| fill(file, attributes, size, content))
}

fn create(directory: BorrowedFd<'_>, name: &OsStr, attributes: Attributes) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Setuid bits come after the owner, who would take them away.
    rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(attributes.mode & 0o777)).map(File::from)
}

fn fill(
    mut file: File,
    attributes: Attributes,
    size: u64,
    content: &mut impl BufRead,
) -> Result<(), CopyError> {
    let mut rest = size;
    while rest > 0 {
        let bytes = content.fill_buf().map_err(CopyError::Read)?;
        if bytes.is_empty() {
            return Err(CopyError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        let part = bytes.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        file.write_all(&bytes[..part]).map_err(CopyError::Write)?;
        content.consume(part);
        rest -= part as u64;
    }
    if (attributes.uid, attributes.gid) != (0, 0) {
        let (uid, gid) = attributes.owner();
        rustix::fs::fchown(&file, uid, gid)?;
    }
    if attributes.mode & 0o7000 != 0 {
        rustix::fs::fchmod(&file, attributes.mode())?;
    }
    rustix::fs::futimens(&file, &attributes.times())?;
    Ok(())
}

/// Writes a file beside `name` and renames it over what is there.
fn replacing(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: Attributes,
    write: impl FnOnce(File) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let beside = OsStr::new(BESIDE);
    remove(directory, beside)?;
    write(create(directory, beside, attributes)?)?;
    take_place(directory, name).map_err(Into::into)
}

/// Makes the symbolic link `name`.
///
/// # Errors
/// When that is not possible.
pub fn symlink(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: Attributes,
    target: &OsStr,
) -> Result<(), Errno> {
    let make = |name: &OsStr| {
        rustix::fs::symlinkat(target, directory, name)?;
        if (attributes.uid, attributes.gid) != (0, 0) {
            let (uid, gid) = attributes.owner();
            rustix::fs::chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(directory, name, &attributes.times(), AtFlags::SYMLINK_NOFOLLOW)
    };
    match make(name) {
        Err(Errno::EXIST) => {}
        result => return result,
    }
    let same = rustix::fs::readlinkat(directory, name, Vec::new())
        .is_ok_and(|there| there.as_bytes() == target.as_bytes());
    if same { Ok(()) } else { replace(directory, name, || make(OsStr::new(BESIDE))) }
}

/// Makes something beside `name` and renames it over what is there.
///
/// # Errors
/// Those of making it and of the rename.
pub fn replace(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    make: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    remove(directory, OsStr::new(BESIDE))?;
    make()?;
    take_place(directory, name)
}

fn remove(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

fn take_place(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let beside = OsStr::new(BESIDE);
    match rustix::fs::renameat_with(directory, beside, directory, name, RenameFlags::empty()) {
        // An empty directory in a file's place.
        Err(Errno::ISDIR) => {
            rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?;
            rustix::fs::renameat(directory, beside, directory, name)
        }
        result => result,
    }
}
