//! One atomic replacement: a file, a symbolic link or a directory appears under its name whole, or not at all.
//!
//! The new one is made under a temporary name in the same folder, which is opened once: nothing is reached through a
//! link in the folder. A writer holds a lock on its temporary file, so that the next writer of that name can tell what
//! a killed one left, which it removes, from what another is still writing, which it leaves alone.

mod temporary;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, fchmod, fchown, futimens, linkat, symlinkat,
};
use rustix::io::Errno;

use super::error::Failure;
use temporary::{TRIES, Temporary};
pub use temporary::{Target, clear_folder, open_folder, remove};

/// A time of access that stays as it is.
const KEEP: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };

/// What has reached the disk when a replacement returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything: after a power cut the new one is there.
    Full,
    /// The content, before it takes its place: after a power cut the old one is there or the new one. The folder is to be
    /// synced by the caller, once for several names or beside other work.
    Content,
    /// Nothing: for file systems in memory, and before a `syncfs`.
    None,
}

/// Permission bits, owner and time of what is made. The process's umask has no part in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, up to 0o7777.
    pub mode: u32,
    /// User and group number; the process's own if absent.
    pub owner: Option<(u32, u32)>,
    /// Seconds since 1970; now if absent.
    pub modified: Option<i64>,
}

impl Attributes {
    /// These permission bits, for the process's own user, as of now.
    #[must_use]
    pub fn mode(mode: u32) -> Self {
        Self { mode, owner: None, modified: None }
    }

    fn ids(self) -> Option<(Option<Uid>, Option<Gid>)> {
        self.owner.map(|(uid, gid)| (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))))
    }

    fn times(self) -> Option<Timestamps> {
        let modified = self.modified?;
        Some(Timestamps { last_access: KEEP, last_modification: Timespec { tv_sec: modified, tv_nsec: 0 } })
    }

    /// Gives them to an open file. The owner first: a change of owner takes setuid bits away.
    fn give(self, file: BorrowedFd<'_>) -> Result<(), Errno> {
        if let Some((uid, gid)) = self.ids() {
            fchown(file, uid, gid)?;
        }
        fchmod(file, Mode::from_raw_mode(self.mode))?;
        self.times().map_or(Ok(()), |times| futimens(file, &times))
    }
}

/// Replaces the file at `path` by one that holds `bytes`. Its folder must be there and is given back, to be synced by the
/// caller where `durability` leaves that open.
///
/// # Errors
/// [`Failure`], with the path; what was there still is.
pub fn write(
    path: &Path,
    bytes: &[u8],
    attributes: Attributes,
    durability: Durability,
) -> Result<File, Failure> {
    let folder = open_folder(path).map_err(|source| Failure::new("", path, source))?;
    let target = Target::new(folder.as_fd(), path);
    file(target, attributes, durability, |file| file.write_all(bytes).map_err(|error| target.error(error)))?;
    Ok(File::from(folder))
}

/// Replaces a file by what `write` writes into the new one.
///
/// # Errors
/// Those of `write`, and [`Failure`], with the path; what was there still is.
pub fn file<E: From<Failure>>(
    target: Target<'_>,
    attributes: Attributes,
    durability: Durability,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |error: Errno| target.error(error);
    let (temporary, mut file) = Temporary::file(target).map_err(fail)?;
    write(&mut file)?;
    attributes.give(file.as_fd()).map_err(fail)?;
    if durability != Durability::None {
        file.sync_all().map_err(|error| target.error(error))?;
    }
    // Closed before the rename: a program that is open for writing cannot be started.
    drop(file);
    temporary.take_place().map_err(fail)?;
    sync_folder(target, durability).map_err(Into::into)
}

/// Replaces what is there by a symbolic link to `link`; of the attributes the mode has no meaning.
///
/// # Errors
/// [`Failure`], with the path; what was there still is.
pub fn symbolic_link(
    target: Target<'_>,
    link: &OsStr,
    attributes: Attributes,
    durability: Durability,
) -> Result<(), Failure> {
    complete(target, durability, |temporary| {
        symlinkat(link, target.folder, temporary)?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if let Some((uid, gid)) = attributes.ids() {
            rustix::fs::chownat(target.folder, temporary, uid, gid, flags)?;
        }
        let times = attributes.times();
        times.map_or(Ok(()), |times| rustix::fs::utimensat(target.folder, temporary, &times, flags))
    })
}

/// Replaces what is there by another name of the file `name` in `folder`.
///
/// # Errors
/// [`Failure`], with the path; what was there still is.
pub fn hard_link(
    target: Target<'_>,
    folder: BorrowedFd<'_>,
    name: &OsStr,
    durability: Durability,
) -> Result<(), Failure> {
    complete(target, durability, |temporary| linkat(folder, name, target.folder, temporary, AtFlags::empty()))
}

/// Replaces by what `create` makes whole under the name that it is given. It has no lock, so writers of one name take it from
/// each other: who has lost begins again.
fn complete(
    target: Target<'_>,
    durability: Durability,
    create: impl Fn(&OsStr) -> Result<(), Errno>,
) -> Result<(), Failure> {
    let attempt = || Temporary::link(target, &create).and_then(Temporary::take_place);
    let lost = |result: &Result<(), Errno>| matches!(result, Err(Errno::EXIST | Errno::NOENT));
    let result = std::iter::repeat_with(attempt).take(TRIES).find(|result| !lost(result));
    result.unwrap_or(Err(Errno::NOENT)).map_err(|error| target.error(error))?;
    sync_folder(target, durability)
}

/// A directory in the making; removed again unless it takes its place.
#[derive(Debug)]
pub struct NewDirectory {
    temporary: Temporary,
    directory: OwnedFd,
}

impl NewDirectory {
    /// An empty directory, to be filled.
    ///
    /// # Errors
    /// [`Failure`], with the path; what was there still is.
    pub fn new(target: Target<'_>, attributes: Attributes) -> Result<Self, Failure> {
        let fail = |error: Errno| target.error(error);
        let (temporary, directory) = Temporary::directory(target).map_err(fail)?;
        attributes.give(directory.as_fd()).map_err(fail)?;
        Ok(Self { temporary, directory })
    }

    /// Where to put the content.
    #[must_use]
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Its path by the target's path, for writers that know no open folders.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.temporary.path.with_file_name(&self.temporary.name)
    }

    /// Exchanges the directory with what is in its place and removes that. Its content is the caller's to sync.
    ///
    /// # Errors
    /// [`Failure`], with the path; what was there still is.
    pub fn take_place(self, durability: Durability) -> Result<(), Failure> {
        let path = self.temporary.path.clone();
        let take_place = || {
            if durability != Durability::None {
                rustix::fs::fsync(&self.directory)?;
            }
            let folder = self.temporary.folder.try_clone();
            self.temporary.take_place()?;
            match durability {
                Durability::Full => folder.map_or(Err(Errno::MFILE), rustix::fs::fsync),
                Durability::Content | Durability::None => Ok(()),
            }
        };
        take_place().map_err(|error| Failure::new("", path, error))
    }
}

fn sync_folder(target: Target<'_>, durability: Durability) -> Result<(), Failure> {
    match durability {
        Durability::Full => rustix::fs::fsync(target.folder).map_err(|error| target.error(error)),
        Durability::Content | Durability::None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
