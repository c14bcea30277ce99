//! One atomic replacement: a file, a symbolic link or a directory appears under its name whole, or not at all.
//!
//! The new one is made under a temporary name in the same folder, which is opened once: nothing is reached through a
//! link in the folder. A writer holds a lock on its temporary file, so that the next writer of that name can tell what
//! a killed one left, which it removes, from what another is still writing, which it leaves alone.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps,
    UTIME_OMIT, Uid, fchmod, fchown, flock, fstat, futimens, linkat, mkdirat, openat, renameat,
    renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::error::Failure;

/// How many writers of one name may be at work at once.
const SLOTS: u8 = 4;
/// What a temporary name has beside the name itself fits into what a file system allows (255 bytes) with this many.
const NAME: usize = 180;
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
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

/// The name that is replaced, in its open folder.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    folder: BorrowedFd<'a>,
    path: &'a Path,
}

impl<'a> Target<'a> {
    /// The last name of `path` in `folder`; the rest of the path is for messages alone.
    #[must_use]
    pub fn new(folder: BorrowedFd<'a>, path: &'a Path) -> Self {
        Self { folder, path }
    }

    fn name(&self) -> &'a OsStr {
        self.path.file_name().unwrap_or_default()
    }

    fn error(&self, source: impl Into<io::Error>) -> Failure {
        Failure::new("", self.path, source)
    }

    fn sync_folder(&self, durability: Durability) -> Result<(), Failure> {
        match durability {
            Durability::Full => rustix::fs::fsync(self.folder).map_err(|error| self.error(error)),
            Durability::Content | Durability::None => Ok(()),
        }
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
    again(|| {
        let fill = |file: &mut File| file.write_all(bytes).map_err(|error| target.error(error));
        file(target, attributes, durability, fill)
    })?;
    Ok(File::from(folder))
}

/// More writers of one name than there are temporary names take them from each other: who has lost begins again.
fn again(attempt: impl Fn() -> Result<(), Failure>) -> Result<(), Failure> {
    for _ in 0..16 {
        match attempt() {
            Err(error) if error.reason().kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
    attempt()
}

/// Opens the folder of `path`.
///
/// # Errors
/// Those of `open(2)`.
pub fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
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
    target.sync_folder(durability).map_err(Into::into)
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

/// Replaces by what `create` makes whole under the name that it is given. Without a file to hold, it cannot be told from
/// another writer's.
fn complete(
    target: Target<'_>,
    durability: Durability,
    create: impl Fn(&OsStr) -> Result<(), Errno>,
) -> Result<(), Failure> {
    again(|| {
        let made = Temporary::link(target, &create).and_then(Temporary::take_place);
        made.map_err(|error| target.error(if error == Errno::EXIST { Errno::NOENT } else { error }))
    })?;
    target.sync_folder(durability)
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

/// A temporary name; what it leads to is removed unless it takes its place.
#[derive(Debug)]
struct Temporary {
    folder: OwnedFd,
    path: PathBuf,
    name: OsString,
    kind: Kind,
    /// Held until the new one is in its place.
    lock: Option<OwnedFd>,
    /// Whether the name is still this writer's to remove.
    remove: bool,
}

/// Temporary names differ by what is there: only what is whole from the beginning may be without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Link,
    Directory,
}

impl Temporary {
    fn file(target: Target<'_>) -> Result<(Self, File), Errno> {
        // Nobody else opens it while it is not whole.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::locked(target, Kind::File, |name| {
            let file = openat(target.folder, name, flags, Mode::from_raw_mode(0o600))?;
            let lock = openat(target.folder, name, READ | OFlags::NONBLOCK, Mode::empty())?;
            Ok((File::from(file), lock))
        })
    }

    fn directory(target: Target<'_>) -> Result<(Self, OwnedFd), Errno> {
        Self::locked(target, Kind::Directory, |name| {
            mkdirat(target.folder, name, Mode::from_raw_mode(0o700))?;
            Ok((open_directory(target.folder, name)?, open_directory(target.folder, name)?))
        })
    }

    fn link(target: Target<'_>, create: impl Fn(&OsStr) -> Result<(), Errno>) -> Result<Self, Errno> {
        clear(target);
        let name = temporary_name(target.name(), Kind::Link, 0);
        create(&name)?;
        Self::new(target, name, Kind::Link, None)
    }

    fn new(target: Target<'_>, name: OsString, kind: Kind, lock: Option<OwnedFd>) -> Result<Self, Errno> {
        let folder = rustix::io::fcntl_dupfd_cloexec(target.folder, 3)?;
        Ok(Self { folder, path: target.path.to_owned(), name, kind, lock, remove: true })
    }

    /// Makes something that can be locked under the first temporary name that no living writer has.
    fn locked<T>(
        target: Target<'_>,
        kind: Kind,
        create: impl Fn(&OsStr) -> Result<(T, OwnedFd), Errno>,
    ) -> Result<(Self, T), Errno> {
        clear(target);
        for slot in 0..SLOTS {
            let name = temporary_name(target.name(), kind, slot);
            if slot + 1 == SLOTS {
                // Whoever holds all of them does not keep this one from its work.
                remove(target.folder, &name)?;
            }
            let (made, held) = match create(&name) {
                Err(Errno::EXIST | Errno::NOENT) => continue,
                made => made?,
            };
            // Between the two steps another writer may have taken it for what a killed one left.
            if lock(&held)? && is_same(target.folder, &name, &held)? {
                return Ok((Self::new(target, name, kind, Some(held))?, made));
            }
        }
        Err(Errno::NOENT)
    }

    /// Renames it over what is there.
    fn take_place(mut self) -> Result<(), Errno> {
        let (folder, name) = (self.folder.as_fd(), self.path.file_name().unwrap_or_default());
        match renameat(folder, &self.name, folder, name) {
            // A directory in the place of something else, or the other way round.
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {
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
        if self.remove {
            let _ = remove(self.folder.as_fd(), &self.name);
        }
        drop(self.lock.take());
    }
}

/// A dot, the name, and what this is: also for names as long as a file system allows.
fn temporary_name(name: &OsStr, kind: Kind, slot: u8) -> OsString {
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
    temporary.push(format!(".nixos-wsl-{kind}{slot}"));
    temporary
}

/// Removes what killed writers of any name in the folder have left, also of names that nobody writes any more.
///
/// # Errors
/// When the folder cannot be read.
pub fn clear_folder(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if is_temporary(name) && is_abandoned(folder, name) {
            let _ = remove(folder, name);
        }
    }
    Ok(())
}

/// Whether a name is one that [`temporary_name`] makes.
fn is_temporary(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.split_last_chunk::<2>().is_some_and(|(start, [kind, slot])| {
        start.starts_with(b".")
            && start.ends_with(b".nixos-wsl-")
            && b"fld".contains(kind)
            && (b'0'..b'0' + SLOTS).contains(slot)
    })
}

/// Removes what killed writers of this name have left.
fn clear(target: Target<'_>) {
    for kind in [Kind::File, Kind::Link, Kind::Directory] {
        for slot in 0..SLOTS {
            let name = temporary_name(target.name(), kind, slot);
            if is_abandoned(target.folder, &name) {
                let _ = remove(target.folder, &name);
            }
        }
    }
}

fn is_abandoned(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return false };
    if !matches!(FileType::from_raw_mode(found.st_mode), FileType::RegularFile | FileType::Directory) {
        return true;
    }
    openat(folder, name, READ | OFlags::NONBLOCK, Mode::empty()).is_ok_and(|file| lock(&file) == Ok(true))
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
    let file = fstat(file)?;
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    Ok(found.is_ok_and(|found| (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino)))
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
    let directory = open_directory(folder, name)?;
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
    unlinkat(folder, name, AtFlags::REMOVEDIR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn put(path: &Path, text: &str) -> Result<File, Failure> {
        write(path, text.as_bytes(), Attributes::mode(0o640), Durability::Full)
    }

    fn link(path: &Path, to: &str) -> Result<(), Failure> {
        let folder = open_folder(path).unwrap();
        let target = Target::new(folder.as_fd(), path);
        symbolic_link(target, to.as_ref(), Attributes::mode(0o777), Durability::Full)
    }

    fn directory(path: &Path, file: &str) -> Result<(), Failure> {
        let folder = open_folder(path).unwrap();
        let new = NewDirectory::new(Target::new(folder.as_fd(), path), Attributes::mode(0o755)).unwrap();
        fs::write(new.path().join(file), file).unwrap();
        new.take_place(Durability::Full)
    }

    /// What can stand in the place of something new.
    fn stand_in_the_way(path: &Path, which: usize) {
        match which {
            0 => {}
            1 => fs::write(path, "old").unwrap(),
            2 => symlink("elsewhere", path).unwrap(),
            3 => fs::create_dir_all(path).unwrap(),
            _ => fs::create_dir_all(path.join("a/b")).unwrap(),
        }
    }

    #[test]
    fn everything_takes_the_place_of_everything_and_nothing_is_left() {
        for which in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("elsewhere"), "untouched").unwrap();
            let path = folder.path().join("x");
            stand_in_the_way(&path, which);
            put(&path, "new").unwrap();
            assert!(path.symlink_metadata().unwrap().is_file(), "{which}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
            fs::remove_file(&path).unwrap();

            stand_in_the_way(&path, which);
            link(&path, "elsewhere").unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new("elsewhere"), "{which}");
            fs::remove_file(&path).unwrap();

            stand_in_the_way(&path, which);
            directory(&path, "inside").unwrap();
            assert_eq!(names(&path), ["inside"], "{which}");
            assert_eq!(names(folder.path()), ["elsewhere", "x"], "{which}");
            assert_eq!(fs::read_to_string(folder.path().join("elsewhere")).unwrap(), "untouched");
        }
    }

    #[test]
    fn a_hard_link_to_the_file_itself_leaves_no_second_name() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, "text").unwrap();
        let open = open_folder(&b).unwrap();
        for _ in 0..2 {
            hard_link(Target::new(open.as_fd(), &b), open.as_fd(), "a".as_ref(), Durability::None).unwrap();
        }
        assert_eq!(a.metadata().unwrap().ino(), b.metadata().unwrap().ino());
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn what_killed_writers_left_goes_and_what_others_write_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let name = |kind, slot| folder.path().join(temporary_name("x".as_ref(), kind, slot));
        fs::write(name(Kind::File, 0), "half").unwrap();
        fs::write(name(Kind::File, 3), "half").unwrap();
        symlink("nowhere", name(Kind::Link, 0)).unwrap();
        fs::create_dir_all(name(Kind::Directory, 1).join("a/b")).unwrap();
        let of_another = File::create(folder.path().join(".y.nixos-wsl-f0")).unwrap();
        put(&path, "new").unwrap();
        assert_eq!(names(folder.path()), [".y.nixos-wsl-f0", "x"]);

        // A writer that lives.
        let living = File::create(name(Kind::File, 0)).unwrap();
        flock(&living, FlockOperation::LockExclusive).unwrap();
        put(&path, "newer").unwrap();
        assert_eq!(names(folder.path()), [".x.nixos-wsl-f0", ".y.nixos-wsl-f0", "x"]);
        drop((living, of_another));
        put(&path, "newest").unwrap();
        assert_eq!(names(folder.path()), [".y.nixos-wsl-f0", "x"]);
    }

    #[test]
    fn temporary_files_of_others_are_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(folder.path().join("victim"), "victim").unwrap();
        for slot in 0..SLOTS {
            let name = folder.path().join(temporary_name("x".as_ref(), Kind::File, slot));
            if slot % 2 == 0 {
                symlink("victim", name).unwrap();
            } else {
                fs::hard_link(folder.path().join("victim"), name).unwrap();
            }
        }
        // Held by somebody for ever.
        let held = File::open(folder.path().join("victim")).unwrap();
        flock(&held, FlockOperation::LockShared).unwrap();
        put(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("victim")).unwrap(), "victim");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_failed_writer_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        put(&path, "old").unwrap();
        let open = open_folder(&path).unwrap();
        let target = Target::new(open.as_fd(), &path);
        let failed = file(target, Attributes::mode(0o644), Durability::Full, |file| {
            file.write_all(b"half").unwrap();
            Err(target.error(Errno::NOSPC))
        });
        assert_eq!(
            failed.unwrap_err().to_string(),
            format!("{}: No space left on device (os error 28)", path.display())
        );
        drop(NewDirectory::new(target, Attributes::mode(0o755)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["x"]);
    }

    #[test]
    fn the_longest_names_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|end| folder.path().join("n".repeat(254) + end));
        for path in [&a, &b] {
            put(path, "old").unwrap();
            put(path, &path.to_string_lossy()).unwrap();
        }
        assert_eq!(fs::read_to_string(&a).unwrap(), a.to_string_lossy());
        assert_ne!(
            temporary_name(a.file_name().unwrap(), Kind::File, 0),
            temporary_name(b.file_name().unwrap(), Kind::File, 0)
        );
    }

    #[test]
    fn many_writers_of_one_name_each_write_it_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let texts: Vec<String> = ('a'..='d').map(|letter| letter.to_string().repeat(10_000)).collect();
        std::thread::scope(|scope| {
            for text in &texts {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..50 {
                        write(path, text.as_bytes(), Attributes::mode(0o644), Durability::None).unwrap();
                        let found = fs::read_to_string(path).unwrap();
                        assert!(
                            found.len() == 10_000 && found.bytes().all(|byte| byte == found.as_bytes()[0])
                        );
                    }
                });
            }
        });
        assert_eq!(names(folder.path()), ["x"]);
    }
}
