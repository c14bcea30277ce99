//! Writes one member into an open directory: never into a file that is there, but beside it and then over it by a rename.
//!
//! A member that is there already and right is left as it is: that is how an interrupted installation goes on.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::InstallError;
use super::header::MemberAttributes;
use crate::system::error::Failure;
use crate::system::replace::{self, Durability, Target};

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
    pub fn at(self, path: &Path) -> InstallError {
        match self {
            Self::Read(error) => InstallError::Damaged(error.to_string()),
            Self::Write(error) => InstallError::at(path, error),
        }
    }
}

impl From<Errno> for CopyError {
    fn from(error: Errno) -> Self {
        Self::Write(error.into())
    }
}

impl From<Failure> for CopyError {
    fn from(failure: Failure) -> Self {
        Self::Write(failure.into_reason())
    }
}

/// Creates the file `name`, to be filled and [finished](finish).
///
/// # Errors
/// `EXIST` where something has the name already.
pub fn create(directory: BorrowedFd<'_>, name: &OsStr, attributes: MemberAttributes) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Setuid bits come after the owner, who would take them away.
    rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(attributes.mode & 0o777)).map(File::from)
}

/// Puts a file of `size` bytes of `content` in the place of what is called `name`, unless that is the same already.
///
/// # Errors
/// Those of either side.
pub fn update(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: MemberAttributes,
    size: u64,
    content: &mut impl BufRead,
    buffers: &mut Buffers,
) -> Result<(), CopyError> {
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
        return replacing(directory, name, attributes, |file| {
            let mut old = File::from(rustix::fs::openat(directory, name, flags, Mode::empty())?);
            io::copy(&mut (&mut old).take(equal), file).map_err(CopyError::Write)?;
            file.write_all(&buffer[..unequal]).map_err(CopyError::Write)?;
            fill(file, rest, content)
        });
    }
    replacing(directory, name, attributes, |file| fill(file, size, content))
}

/// Appends `size` bytes of `content` to `file`.
///
/// # Errors
/// Those of either side.
pub fn fill(file: &mut File, size: u64, content: &mut impl BufRead) -> Result<(), CopyError> {
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
    Ok(())
}

/// Gives a file what its creation has not given it.
///
/// # Errors
/// When that is not possible.
pub fn finish(file: &File, attributes: MemberAttributes) -> Result<(), Errno> {
    if (attributes.uid, attributes.gid) != (0, 0) {
        let (uid, gid) = attributes.owner();
        rustix::fs::fchown(file, uid, gid)?;
    }
    if attributes.mode & 0o7000 != 0 {
        rustix::fs::fchmod(file, attributes.mode())?;
    }
    rustix::fs::futimens(file, &attributes.times())
}

/// Replaces what is there; what is written is brought to the disk with everything else (`switch::flush`).
fn replacing(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: MemberAttributes,
    fill: impl FnOnce(&mut File) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let target = Target::new(directory, Path::new(name));
    replace::file(target, attributes.for_replacement(), Durability::None, fill)
}

/// Makes the symbolic link `name`.
///
/// # Errors
/// When that is not possible.
pub fn symlink(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: MemberAttributes,
    link: &OsStr,
) -> Result<(), CopyError> {
    let make = || {
        rustix::fs::symlinkat(link, directory, name)?;
        if (attributes.uid, attributes.gid) != (0, 0) {
            let (uid, gid) = attributes.owner();
            rustix::fs::chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(directory, name, &attributes.times(), AtFlags::SYMLINK_NOFOLLOW)
    };
    match make() {
        Err(Errno::EXIST) => {}
        result => return result.map_err(Into::into),
    }
    let same = rustix::fs::readlinkat(directory, name, Vec::new())
        .is_ok_and(|there| there.as_bytes() == link.as_bytes());
    if same {
        return Ok(());
    }
    let target = Target::new(directory, Path::new(name));
    replace::symbolic_link(target, link, attributes.for_replacement(), Durability::None).map_err(Into::into)
}
