//! Where members go: relative to open directories, so that no link leads out of the root.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::thread::Scope;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::contents::{ContentWriter, NewFile};
use super::error::{InstallError, Result};
use super::header::MemberAttributes;
use super::members::MemberContent;
use super::pieces::Pieces;
use super::write::{self, Buffers, CopyError};
use crate::system::replace::{self, Durability, Target};

/// A directory that members are written to.
struct Level {
    name: OsString,
    directory: OwnedFd,
    /// Set when the last member in it has been written: a later one would change the time again.
    attributes: Option<MemberAttributes>,
}

/// A root directory that is being written.
pub struct TargetRoot<'scope> {
    root: OwnedFd,
    root_attributes: Option<MemberAttributes>,
    levels: Vec<Level>,
    /// The path of the innermost level.
    entered: OsString,
    buffers: Buffers,
    /// Nothing when its thread has failed.
    contents: Option<ContentWriter<'scope>>,
}

impl<'scope> TargetRoot<'scope> {
    /// The root at `root`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open<'env>(scope: &'scope Scope<'scope, 'env>, root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(root, flags, Mode::empty()).map_err(|error| InstallError::at("", error))?;
        let contents = Some(ContentWriter::start(scope));
        Ok(Self {
            root,
            root_attributes: None,
            levels: Vec::new(),
            entered: OsString::new(),
            buffers: Buffers::default(),
            contents,
        })
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

    /// Writes `size` bytes, the whole of `content`, as the file at `path`.
    ///
    /// # Errors
    /// As [`TargetRoot::directory`]; the error of an earlier file may come now.
    pub fn file(
        &mut self,
        path: &Path,
        attributes: MemberAttributes,
        size: u64,
        content: &mut MemberContent<'_, impl Pieces>,
    ) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let directory = directory_at(&self.root, &self.levels, parent);
        let written = match write::create(directory, name, attributes) {
            Ok(mut file) => match content.piece() {
                Ok(Some(content)) => return self.hand_over(path, NewFile { file, attributes, content }),
                Ok(None) => write::fill(&mut file, size, content)
                    .and_then(|()| write::finish(&file, attributes).map_err(Into::into)),
                Err(error) => Err(CopyError::Read(error)),
            },
            Err(Errno::EXIST) => write::update(directory, name, attributes, size, content, &mut self.buffers),
            Err(error) => Err(error.into()),
        };
        written.map_err(|error| error.at(path))
    }

    /// Has a file's content written.
    fn hand_over(&mut self, path: &Path, file: NewFile) -> Result<()> {
        if self.contents.as_mut().is_some_and(|contents| !contents.add(file, path)) {
            return self.finish_contents();
        }
        Ok(())
    }

    /// Waits for the contents of all files.
    fn finish_contents(&mut self) -> Result<()> {
        self.contents.take().map_or(Ok(()), ContentWriter::finish)
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

    /// Waits for what is being written, and gives the directories their attributes.
    ///
    /// # Errors
    /// As [`TargetRoot::directory`].
    pub fn finish(mut self) -> Result<()> {
        self.finish_contents()?;
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
        // Most members are in the directory of the one before.
        if path.as_os_str() == self.entered {
            return Ok(());
        }
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
        path.as_os_str().clone_into(&mut self.entered);
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
    const OUTSIDE: &str = "its path leads out of the root";
    if name.first() == Some(&b'/') {
        return Err(OUTSIDE);
    }
    let mut plain = Vec::with_capacity(name.len());
    for part in name.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(OUTSIDE),
            _ if part.contains(&0) => return Err(OUTSIDE),
            _ => {
                if !plain.is_empty() {
                    plain.push(b'/');
                }
                plain.extend_from_slice(part);
            }
        }
    }
    Ok(OsString::from_vec(plain).into())
}

/// Opens the directory of `path`, without following a link, and gives the last name.
///
/// # Errors
/// `LOOP` or `NOTDIR` where something on the way is no directory.
pub fn open_parent<'a>(root: BorrowedFd<'_>, path: &'a Path) -> Result<(OwnedFd, &'a OsStr), Errno> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let directory = rustix::fs::openat2(root, parent, DIRECTORY, Mode::empty(), resolve)?;
    Ok((directory, path.file_name().unwrap_or_default()))
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, DIRECTORY, Mode::empty())
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
