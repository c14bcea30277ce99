//! The temporary name of one replacement: who may use it, who removes it, and how it takes its place.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, mkdirat, openat,
    renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use crate::system::error::Failure;

/// How many temporary names of one name are known beforehand, so that what a killed writer left is found without reading the
/// folder. More writers at once have names of their own, which only [`clear_folder`] finds.
pub(super) const SLOTS: u8 = 4;
/// How often a writer begins again that has lost its temporary name to another.
pub(super) const TRIES: usize = 16;
/// What is before the kind and the slot in a temporary name.
const MARK: &str = ".nixos-wsl-";
/// What a temporary name has beside the name itself fits into what a file system allows (255 bytes) with this many.
const NAME: usize = 180;
pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The name that is replaced, in its open folder.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub(super) folder: BorrowedFd<'a>,
    pub(super) path: &'a Path,
}

impl<'a> Target<'a> {
    /// The last name of `path` in `folder`; the rest of the path is for messages alone.
    #[must_use]
    pub fn new(folder: BorrowedFd<'a>, path: &'a Path) -> Self {
        Self { folder, path }
    }

    pub(super) fn name(&self) -> &'a OsStr {
        self.path.file_name().unwrap_or_default()
    }

    pub(super) fn error(&self, source: impl Into<io::Error>) -> Failure {
        Failure::new("", self.path, source)
    }
}

/// Opens the folder of `path`.
///
/// # Errors
/// Those of `open(2)`.
pub fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A temporary name; what it leads to is removed unless it takes its place.
#[derive(Debug)]
pub(super) struct Temporary {
    pub folder: OwnedFd,
    pub path: PathBuf,
    pub name: OsString,
    kind: Kind,
    /// Held until the new one is in its place.
    _lock: Option<OwnedFd>,
    /// Whether the name is still this writer's to remove.
    remove: bool,
}

/// Temporary names differ by what is there: only what is whole from the beginning may be without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Link,
    Directory,
}

impl Temporary {
    pub fn file(target: Target<'_>) -> Result<(Self, File), Errno> {
        // Nobody else opens it while it is not whole.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::locked(target, Kind::File, |name| {
            let file = openat(target.folder, name, flags, Mode::from_raw_mode(0o600))?;
            let lock = openat(target.folder, name, READ | OFlags::NONBLOCK, Mode::empty())?;
            // Taken between the two steps: this is the next writer's.
            if identity(&file)? != identity(&lock)? {
                return Err(Errno::NOENT);
            }
            Ok((File::from(file), lock))
        })
    }

    pub fn directory(target: Target<'_>) -> Result<(Self, OwnedFd), Errno> {
        // A killed writer may have left the former directory under a random name.
        clear_names(target.folder, |name| is_temporary(name) && is_of(target.name(), name))?;
        Self::locked(target, Kind::Directory, |name| {
            mkdirat(target.folder, name, Mode::from_raw_mode(0o700))?;
            Ok((open_directory(target.folder, name)?, open_directory(target.folder, name)?))
        })
    }

    pub fn link(target: Target<'_>, create: impl Fn(&OsStr) -> Result<(), Errno>) -> Result<Self, Errno> {
        clear(target);
        let name = temporary_name(target.name(), Kind::Link, "0");
        create(&name)?;
        Self::new(target, name, Kind::Link, None)
    }

    fn new(target: Target<'_>, name: OsString, kind: Kind, lock: Option<OwnedFd>) -> Result<Self, Errno> {
        let folder = rustix::io::fcntl_dupfd_cloexec(target.folder, 3)?;
        Ok(Self { folder, path: target.path.to_owned(), name, kind, _lock: lock, remove: true })
    }

    /// Makes something that can be locked under the first temporary name that no living writer has.
    fn locked<T>(
        target: Target<'_>,
        kind: Kind,
        create: impl Fn(&OsStr) -> Result<(T, OwnedFd), Errno>,
    ) -> Result<(Self, T), Errno> {
        clear(target);
        let slots = (0..SLOTS).map(|slot| temporary_name(target.name(), kind, &slot.to_string()));
        let more = std::iter::repeat_with(|| random_name(target.name(), kind)).take(TRIES);
        for name in slots.chain(more) {
            let (made, held) = match create(&name) {
                // Another writer's, or one that another has just taken for what a killed writer left.
                Err(Errno::EXIST | Errno::NOENT) => continue,
                made => made?,
            };
            // The same, between the two steps: whoever has the lock removes the name.
            if lock(&held)? && is_same(target.folder, &name, &held)? {
                return Ok((Self::new(target, name, kind, Some(held))?, made));
            }
        }
        Err(Errno::NOENT)
    }

    /// Renames it over what is there.
    pub fn take_place(mut self) -> Result<(), Errno> {
        let (folder, name) = (self.folder.as_fd(), self.path.file_name().unwrap_or_default());
        match renameat(folder, &self.name, folder, name) {
            // A directory in the place of something else, or the other way round.
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                // What comes out of the place has no lock: its name must be nobody else's.
                let own = random_name(name, self.kind);
                renameat(folder, &self.name, folder, &own)?;
                self.name = own;
                match renameat_with(folder, &self.name, folder, name, RenameFlags::EXCHANGE) {
                    // A file system that cannot exchange: a moment without is better than never.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        remove(folder, name)?;
                        renameat(folder, &self.name, folder, name)
                    }
                    exchanged => exchanged,
                }
            }
            // Two names of one file both stay after a rename.
            Ok(()) if self.kind == Kind::Link => Ok(()),
            Ok(()) => {
                self.remove = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.remove {
            return;
        }
        // Its own, by its lock or by its random name; of links each is as good as the other.
        let _ = remove(self.folder.as_fd(), &self.name);
    }
}

/// A dot, the name, and what this is: also for names as long as a file system allows.
pub(super) fn temporary_name(name: &OsStr, kind: Kind, slot: &str) -> OsString {
    let mut temporary = OsString::from(".");
    if name.len() <= NAME {
        temporary.push(name);
    } else {
        let mut hash = DefaultHasher::new();
        name.as_bytes().hash(&mut hash);
        temporary.push(OsStr::from_bytes(&name.as_bytes()[..NAME]));
        temporary.push(format!("{:016x}", hash.finish()));
    }
    let kind = match kind {
        Kind::File => 'f',
        Kind::Link => 'l',
        Kind::Directory => 'd',
    };
    temporary.push(format!("{MARK}{kind}{slot}"));
    temporary
}

fn random_name(name: &OsStr, kind: Kind) -> OsString {
    let random = RandomState::new().build_hasher().finish();
    temporary_name(name, kind, &format!("x{random:016x}"))
}

/// Removes what killed writers of any name in the folder have left, also of names that nobody writes any more.
///
/// # Errors
/// When the folder cannot be read.
pub fn clear_folder(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    clear_names(folder, is_temporary)
}

fn clear_names(folder: BorrowedFd<'_>, filter: impl Fn(&OsStr) -> bool) -> Result<(), Errno> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if filter(name) {
            remove_abandoned(folder, name);
        }
    }
    Ok(())
}

/// Whether a temporary name is one of `name`.
fn is_of(name: &OsStr, temporary: &OsStr) -> bool {
    let start = temporary_name(name, Kind::File, "");
    let start = &start.as_bytes()[..start.len() - 1];
    temporary.as_bytes().starts_with(start)
}

/// Whether a name is one that [`temporary_name`] makes.
fn is_temporary(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let mark = bytes.windows(MARK.len()).rposition(|window| window == MARK.as_bytes());
    let Some(end) = mark.map(|start| &bytes[start + MARK.len()..]) else { return false };
    let slot = |slot: &[u8]| match slot {
        [digit] => (b'0'..b'0' + SLOTS).contains(digit),
        [b'x', random @ ..] => random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    };
    bytes.starts_with(b".")
        && end.split_first().is_some_and(|(kind, rest)| b"fld".contains(kind) && slot(rest))
}

/// Removes what killed writers of this name have left.
fn clear(target: Target<'_>) {
    for kind in [Kind::File, Kind::Link, Kind::Directory] {
        for slot in 0..SLOTS {
            remove_abandoned(target.folder, &temporary_name(target.name(), kind, &slot.to_string()));
        }
    }
}

/// Removes what no living writer has a lock on. The lock is held meanwhile: whoever makes a new one of this name finds it
/// either there or gone, and never loses it.
fn remove_abandoned(folder: BorrowedFd<'_>, name: &OsStr) {
    let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
    if !matches!(FileType::from_raw_mode(found.st_mode), FileType::RegularFile | FileType::Directory) {
        // Made whole, or nobody's.
        let _ = unlinkat(folder, name, AtFlags::empty());
        return;
    }
    let Ok(file) = openat(folder, name, READ | OFlags::NONBLOCK, Mode::empty()) else { return };
    if lock(&file) == Ok(true) && is_same(folder, name, &file) == Ok(true) {
        let _ = remove(folder, name);
    }
}

/// Takes the lock unless another has it. A file system without locks has no second writer either.
fn lock(file: &OwnedFd) -> Result<bool, Errno> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_same(folder: BorrowedFd<'_>, name: &OsStr, file: &OwnedFd) -> Result<bool, Errno> {
    let file = identity(file)?;
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    Ok(found.is_ok_and(|found| (found.st_dev, found.st_ino) == file))
}

fn identity(file: &OwnedFd) -> Result<(u64, u64), Errno> {
    fstat(file).map(|found| (found.st_dev, found.st_ino))
}

fn open_directory(folder: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(folder, name, READ | OFlags::DIRECTORY, Mode::empty())
}

/// Removes a file, a link, or a directory with all that is in it but not what is mounted there; nothing there is fine.
///
/// # Errors
/// Those of `unlink(2)`; `XDEV` where something is mounted.
pub fn remove(folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
    if !FileType::from_raw_mode(found.st_mode).is_dir() {
        return match unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        };
    }
    // Two may be removing it at once.
    let directory = match open_directory(folder, name) {
        Err(Errno::NOENT) => return Ok(()),
        directory => directory?,
    };
    if fstat(&directory)?.st_dev != fstat(folder)?.st_dev {
        return Err(Errno::XDEV);
    }
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            remove(directory.as_fd(), name)?;
        }
    }
    match unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}
