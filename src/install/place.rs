//! Where members go: relative to open directories, so that no link leads out of the root.

use std::ffi::{OsStr, OsString};
use std::io::BufRead;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::error::{InstallError, Result};
use super::members::MemberAttributes;
use super::write::{self, Buffers};
use crate::system::replace::{self, Durability, Target};

/// A directory that members are written to.
struct Level {
    name: OsString,
    directory: OwnedFd,
    /// Set when the last member in it has been written: a later one would change the time again.
    attributes: Option<MemberAttributes>,
}

/// A root directory that is being written.
pub struct TargetRoot {
    root: OwnedFd,
    root_attributes: Option<MemberAttributes>,
    levels: Vec<Level>,
    buffers: Buffers,
}

impl TargetRoot {
    /// The root at `root`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(root, flags, Mode::empty()).map_err(|error| InstallError::at("", error))?;
        Ok(Self { root, root_attributes: None, levels: Vec::new(), buffers: Buffers::default() })
    }

    /// Makes the directory at `path`, or takes the one that is there.
    ///
    /// # Errors
    /// When that is not possible; the error names the path. So for every member.
    pub fn directory(&mut self, path: &Path, attributes: MemberAttributes) -> Result<()> {
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
    /// As [`TargetRoot::directory`].
    pub fn file(
        &mut self,
        path: &Path,
        attributes: MemberAttributes,
        size: u64,
        content: &mut impl BufRead,
    ) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = directory_at(&self.root, &self.levels, parent);
        write::file(directory, name, attributes, size, content, &mut self.buffers)
            .map_err(|error| error.at(path))
    }

    /// Makes the symbolic link at `path`.
    ///
    /// # Errors
    /// As [`TargetRoot::directory`].
    pub fn symlink(&mut self, path: &Path, attributes: MemberAttributes, target: &OsStr) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = directory_at(&self.root, &self.levels, parent);
        write::symlink(directory, name, attributes, target).map_err(|error| error.at(path))
    }

    /// Makes `path` another name of the file at `original`.
    ///
    /// # Errors
    /// As [`TargetRoot::directory`].
    pub fn link(&mut self, path: &Path, original: &Path) -> Result<()> {
        let fail = |error: Errno| InstallError::at(path, error);
        let (parent, name) = self.parent(path)?;
        let (source, source_name) = open_parent(self.root.as_fd(), original).map_err(fail)?;
        let directory = directory_at(&self.root, &self.levels, parent);
        match rustix::fs::linkat(&source, source_name, directory, name, AtFlags::empty()) {
            Err(Errno::EXIST) => {}
            result => return result.map_err(fail),
        }
        let there = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
        let expected = rustix::fs::statat(&source, source_name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
        if (there.st_dev, there.st_ino) == (expected.st_dev, expected.st_ino) {
            return Ok(());
        }
        let target = Target::new(directory, path);
        replace::hard_link(target, source.as_fd(), source_name, Durability::None)
            .map_err(|failure| InstallError::at(path, failure.into_reason()))
    }

    /// Gives the directories their attributes.
    ///
    /// # Errors
    /// As [`TargetRoot::directory`].
    pub fn finish(mut self) -> Result<()> {
        self.leave(0)?;
        match self.root_attributes {
            Some(attributes) => {
                apply(self.root.as_fd(), attributes).map_err(|error| InstallError::at("", error))
            }
            None => Ok(()),
        }
    }

    /// The level of a member's directory, and the member's name.
    fn parent<'a>(&mut self, path: &'a Path) -> Result<(usize, &'a OsStr)> {
        self.enter(path.parent().unwrap_or(Path::new("")))?;
        Ok((self.levels.len(), path.file_name().unwrap_or_default()))
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
            let directory = open_or_make(directory_at(&self.root, &self.levels, self.levels.len()), name)
                .map_err(|error| {
                    let above: PathBuf = self.levels.iter().map(|level| &level.name).collect();
                    InstallError::at(above.join(name), error)
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
                apply(level.directory.as_fd(), attributes).map_err(|error| InstallError::at(path, error))?;
            }
        }
        Ok(())
    }
}

/// The directory of the innermost of `level` levels, or the root.
fn directory_at<'a>(root: &'a OwnedFd, levels: &'a [Level], level: usize) -> BorrowedFd<'a> {
    let level = level.checked_sub(1).and_then(|level| levels.get(level));
    level.map_or_else(|| root.as_fd(), |level| level.directory.as_fd())
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

fn apply(directory: BorrowedFd<'_>, attributes: MemberAttributes) -> Result<(), Errno> {
    let found = rustix::fs::fstat(directory)?;
    if !attributes.fits(&found) {
        let (uid, gid) = attributes.owner();
        rustix::fs::fchown(directory, uid, gid)?;
        rustix::fs::fchmod(directory, attributes.mode())?;
    }
    rustix::fs::futimens(directory, &attributes.times())
}
