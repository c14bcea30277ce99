//! One entry of a plan brought into its place: a file, a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;

use super::below::Below;
use super::report::ApplyReport;
use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;

const STORE: &str = "/nix/store";

/// Brings the names of a folder to the disk.
pub(super) fn sync(folder: impl AsFd, path: &Path) -> Result<(), Failure> {
    rustix::fs::fsync(folder).at(path)
}

/// A run of `apply`.
pub(super) struct Work<'a> {
    /// What is read: as the caller sees it.
    pub(super) root: &'a Root,
    /// What is written.
    pub(super) below: Below,
    pub(super) report: ApplyReport,
}

impl Work<'_> {
    /// The folder of an entry, cleared of what a killed run left.
    pub(super) fn folder(&self, entry: &Path) -> Result<OwnedFd, Failure> {
        let folder = self.below.parent(entry)?;
        replace::clear_folder(folder.as_fd()).at(self.below.path(entry))?;
        Ok(folder)
    }

    /// Copies a file of the store to its place, unless it is there; says whether the folder is to be synced.
    pub(super) fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &Path,
        source: &Path,
        mode: u32,
    ) -> Result<bool, Failure> {
        let source = self.root.path(source);
        let mut content = File::open(&source).at(&source)?;
        if is_copy(folder, path, &source, mode) {
            return Ok(false);
        }
        let shown = self.below.path(path);
        let target = Target::new(folder, &shown);
        let attributes = Attributes { owner: Some(own_ids()), ..Attributes::mode(mode) };
        let replaced = replace::file(target, attributes, Durability::Content, |file| {
            io::copy(&mut content, file).map(drop).at(&shown)
        });
        self.note_mount(path, replaced)
    }

    /// Makes a symbolic link, unless it is there; says whether the folder is to be synced.
    pub(super) fn link(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &Path,
        target: &Path,
    ) -> Result<bool, Failure> {
        let name = path.file_name().unwrap_or_default();
        let there = readlinkat(folder, name, Vec::new());
        if there.is_ok_and(|there| there.as_bytes() == target.as_os_str().as_bytes()) {
            return Ok(false);
        }
        let shown = self.below.path(path);
        let replaced = replace::symbolic_link(
            Target::new(folder, &shown),
            target.as_os_str(),
            Attributes::mode(0o777),
            Durability::Content,
        );
        self.note_mount(path, replaced)
    }

    /// Whether a path of the store is not there. Other paths may come later (`/run/wrappers`).
    pub(super) fn is_gone_from_store(&self, path: &Path) -> bool {
        path.starts_with(STORE) && !self.root.path(path).exists()
    }

    /// A package of the store never changes, so what it lacks now it lacks for ever: a mistake in the configuration, which
    /// is not worth a failed activation.
    pub(super) fn note_dangling(&mut self, path: &Path, target: &Path) {
        if self.is_gone_from_store(target) {
            self.report.dangling.push((path.to_owned(), target.to_owned()));
        }
    }

    /// A file that something is mounted on cannot be renamed over, and the mount is not ours to take away.
    pub(super) fn note_mount(&mut self, path: &Path, replaced: Result<(), Failure>) -> Result<bool, Failure> {
        match replaced {
            Err(failure) if failure.reason().kind() == io::ErrorKind::ResourceBusy => {
                self.report.mounted.push(path.to_owned());
                Ok(false)
            }
            replaced => replaced.map(|()| true),
        }
    }
}

pub(super) fn own_ids() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Whether a file has these attributes and the content of the one at `source`.
fn is_copy(folder: BorrowedFd<'_>, path: &Path, source: &Path, mode: u32) -> bool {
    let name: &OsStr = path.file_name().unwrap_or_default();
    let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return false };
    if !FileType::from_raw_mode(found.st_mode).is_file()
        || found.st_mode & 0o7777 != mode
        || (found.st_uid, found.st_gid) != own_ids()
    {
        return false;
    }
    let same_size = source.metadata().is_ok_and(|source| u64::try_from(found.st_size) == Ok(source.len()));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = || -> Result<bool, Errno> {
        let file = File::from(openat(folder, name, flags, Mode::empty())?);
        Ok(File::open(source).and_then(|source| same_content(file, source)).unwrap_or(false))
    };
    same_size && open().unwrap_or(false)
}

fn same_content(a: File, b: File) -> io::Result<bool> {
    let (mut a, mut b) = (BufReader::with_capacity(64 << 10, a), BufReader::with_capacity(64 << 10, b));
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let count = left.len().min(right.len());
        if count == 0 {
            return Ok(left.len() == right.len());
        }
        if left[..count] != right[..count] {
            return Ok(false);
        }
        a.consume(count);
        b.consume(count);
    }
}
