//! Writes members into the root: relative to open directories, so that no link leads out of it, and never into a file
//! that is there.
//!
//! A member that is there already and right is left as it is: that is how an interrupted installation goes on.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, UTIME_OMIT, Uid,
};
use rustix::io::Errno;

use super::error::{Error, Result};

/// The name of what is not in its place yet; a killed run leaves one at most in a directory.
const BESIDE: &str = ".nixos-wsl-install-new";

/// Permission bits, owner and time of a member.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Permission bits, up to 0o7777.
    pub mode: u32,
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// Seconds since 1970.
    pub modified: i64,
}

impl Attributes {
    fn mode(self) -> Mode {
        Mode::from_raw_mode(self.mode)
    }

    fn owner(self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
    }

    fn times(self) -> Timestamps {
        Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: self.modified, tv_nsec: 0 },
        }
    }

    fn fits(self, found: &Stat) -> bool {
        (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (self.mode, self.uid, self.gid)
    }
}

/// A directory that members are written to.
struct Level {
    name: OsString,
    directory: OwnedFd,
    /// Set when the last member in it has been written: a later one would change the time again.
    attributes: Option<Attributes>,
}

/// A root directory that is being written.
pub struct Place {
    root: OwnedFd,
    root_attributes: Option<Attributes>,
    levels: Vec<Level>,
    buffer: Vec<u8>,
    other: Vec<u8>,
}

impl Place {
    /// The root at `root`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty()).map_err(|error| Error::at("", error))?;
        let buffer = vec![0; 128 << 10];
        Ok(Self { root, root_attributes: None, levels: Vec::new(), other: buffer.clone(), buffer })
    }

    /// Makes the directory at `path`, or takes the one that is there.
    ///
    /// # Errors
    /// When that is not possible; the error names the path. So for every member.
    pub fn directory(&mut self, path: &Path, attributes: Attributes) -> Result<()> {
        if path.as_os_str().is_empty() {
            self.root_attributes = Some(attributes);
            return Ok(());
        }
        self.enter(path)?;
        if let Some(level) = self.levels.last_mut() {
            level.attributes = Some(attributes);
        }
        Ok(())
    }

    /// Writes `size` bytes of `content` as the file at `path`.
    ///
    /// # Errors
    /// As [`Place::directory`].
    pub fn file(
        &mut self,
        path: &Path,
        attributes: Attributes,
        size: u64,
        content: &mut impl Read,
    ) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let (mut buffer, mut other) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.other));
        let directory = self.directory_at(parent);
        let written = write_file(directory, name, attributes, size, content, &mut buffer, &mut other);
        (self.buffer, self.other) = (buffer, other);
        written.map_err(|error| error.at(path))
    }

    /// Makes the symbolic link at `path`.
    ///
    /// # Errors
    /// As [`Place::directory`].
    pub fn symlink(&mut self, path: &Path, attributes: Attributes, target: &OsStr) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = self.directory_at(parent);
        write_symlink(directory, name, attributes, target).map_err(|error| Error::at(path, error))
    }

    /// Makes `path` another name of the file at `original`.
    ///
    /// # Errors
    /// As [`Place::directory`].
    pub fn link(&mut self, path: &Path, original: &Path) -> Result<()> {
        let fail = |error: Errno| Error::at(path, error);
        let (parent, name) = self.parent(path)?;
        let (source, source_name) = open_parent(self.root.as_fd(), original).map_err(fail)?;
        let directory = self.directory_at(parent);
        let make = |name: &OsStr| rustix::fs::linkat(&source, source_name, directory, name, AtFlags::empty());
        match make(name) {
            Err(Errno::EXIST) => {}
            result => return result.map_err(fail),
        }
        let there = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
        let wanted = rustix::fs::statat(&source, source_name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
        if (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino) {
            return Ok(());
        }
        replace(directory, name, || make(OsStr::new(BESIDE))).map_err(fail)
    }

    /// Gives the directories their attributes.
    ///
    /// # Errors
    /// As [`Place::directory`].
    pub fn finish(mut self) -> Result<()> {
        self.leave(0)?;
        match self.root_attributes {
            Some(attributes) => apply(self.root.as_fd(), attributes).map_err(|error| Error::at("", error)),
            None => Ok(()),
        }
    }

    /// The level of a member's directory, and the member's name.
    fn parent<'a>(&mut self, path: &'a Path) -> Result<(usize, &'a OsStr)> {
        self.enter(path.parent().unwrap_or(Path::new("")))?;
        Ok((self.levels.len(), path.file_name().unwrap_or_default()))
    }

    fn directory_at(&self, level: usize) -> BorrowedFd<'_> {
        match level.checked_sub(1).and_then(|level| self.levels.get(level)) {
            Some(level) => level.directory.as_fd(),
            None => self.root.as_fd(),
        }
    }

    /// Goes to the directory at `path`; those on the way are made if they are missing.
    fn enter(&mut self, path: &Path) -> Result<()> {
        let common = self
            .levels
            .iter()
            .zip(path.components())
            .take_while(|(level, component)| level.name == component.as_os_str())
            .count();
        self.leave(common)?;
        for component in path.components().skip(common) {
            let name = component.as_os_str();
            let directory = open_or_make(self.directory_at(self.levels.len()), name).map_err(|error| {
                let above: PathBuf = self.levels.iter().map(|level| &level.name).collect();
                Error::at(above.join(name), error)
            })?;
            self.levels.push(Level { name: name.to_owned(), directory, attributes: None });
        }
        Ok(())
    }

    /// Leaves all levels from `depth` on.
    fn leave(&mut self, depth: usize) -> Result<()> {
        while self.levels.len() > depth {
            let path: PathBuf = self.levels.iter().map(|level| &level.name).collect();
            let Some(level) = self.levels.pop() else { break };
            if let Some(attributes) = level.attributes {
                apply(level.directory.as_fd(), attributes).map_err(|error| Error::at(path, error))?;
            }
        }
        Ok(())
    }
}

/// The path of a member, relative to the root: `./` before it and a slash after it go; anything but plain names is refused.
///
/// # Errors
/// What is wrong with it.
pub fn member_path(name: &[u8]) -> std::result::Result<PathBuf, &'static str> {
    let path = Path::new(OsStr::from_bytes(name));
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) if !part.as_bytes().contains(&0) => plain.push(part),
            _ => return Err("its path leads out of the root"),
        }
    }
    Ok(plain)
}

/// Opens the directory of `path`, without following a link, and gives the last name.
///
/// # Errors
/// `LOOP` or `NOTDIR` where something on the way is no directory.
pub fn open_parent<'a>(root: BorrowedFd<'_>, path: &'a Path) -> Result<(OwnedFd, &'a OsStr), Errno> {
    let mut directory = rustix::io::fcntl_dupfd_cloexec(root, 3)?;
    for component in path.parent().unwrap_or(Path::new("")).components() {
        directory = open_directory(directory.as_fd(), component.as_os_str())?;
    }
    Ok((directory, path.file_name().unwrap_or_default()))
}

fn open_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

fn open_or_make(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    match open_directory(parent, name) {
        Err(Errno::NOENT) => {}
        // Something else stands there: a link or a file of the minimal system, or one that an attack left.
        Err(Errno::LOOP | Errno::NOTDIR) => rustix::fs::unlinkat(parent, name, AtFlags::empty())?,
        result => return result,
    }
    rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
    open_directory(parent, name)
}

fn apply(directory: BorrowedFd<'_>, attributes: Attributes) -> Result<(), Errno> {
    let found = rustix::fs::fstat(directory)?;
    if !attributes.fits(&found) {
        let (uid, gid) = attributes.owner();
        rustix::fs::fchown(directory, uid, gid)?;
        rustix::fs::fchmod(directory, attributes.mode())?;
    }
    rustix::fs::futimens(directory, &attributes.times())
}

/// The two sides of a copy fail for different reasons.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl CopyError {
    fn at(self, path: &Path) -> Error {
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

fn write_file(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    attributes: Attributes,
    size: u64,
    content: &mut impl Read,
    buffer: &mut [u8],
    other: &mut [u8],
) -> Result<(), CopyError> {
    match create(directory, name, attributes) {
        Ok(file) => return fill(file, attributes, size, content, buffer),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let regular = FileType::from_raw_mode(found.st_mode).is_file();
    let mut equal = 0;
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
            fill(file, attributes, rest, content, buffer)
        });
    }
    replacing(directory, name, attributes, |file| fill(file, attributes, size, content, buffer))
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
    content: &mut impl Read,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    let mut rest = size;
    while rest > 0 {
        let part = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
        content.read_exact(&mut buffer[..part]).map_err(CopyError::Read)?;
        file.write_all(&buffer[..part]).map_err(CopyError::Write)?;
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

fn write_symlink(
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
fn replace(
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
