//! The root's own file system, without what is mounted on it: WSL starts programs from it before anything else is
//! mounted, so that is where they are brought up to date, also while a mount hides `/bin`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fchmod, mkdirat, openat, openat2};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::system::error::Failure;
use crate::system::root::Root;

/// An open root directory.
pub(super) struct Below {
    root: PathBuf,
    directory: OwnedFd,
}

impl Below {
    /// Makes a copy of the root's mount that nobody else sees (`open_tree(2)`); who may not, gets the root as it is.
    pub fn open(root: &Root) -> Result<Self, Failure> {
        let path = root.directory();
        let fail = |error: Errno| Failure::new("", path, error);
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let directory = match open_tree(CWD, path, flags) {
            Err(Errno::PERM | Errno::NOSYS | Errno::INVAL) => {
                openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            }
            copy => copy,
        };
        Ok(Self { root: path.to_owned(), directory: directory.map_err(fail)? })
    }

    /// Where `path` is in the caller's view, for messages.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Opens a directory, made with mode 0755 if it is missing; links lead to places in this root.
    pub fn folder(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let fail = |error: Errno| Failure::new("", self.path(path), error);
        match self.open_at(path) {
            Err(Errno::NOENT) => {}
            opened => return opened.map_err(fail),
        }
        let parent = self.folder(path.parent().unwrap_or(Path::new("/")))?;
        let mode = Mode::from_raw_mode(0o755);
        let created = mkdirat(&parent, path.file_name().unwrap_or_default(), mode);
        let opened = self.open_at(path).map_err(fail)?;
        if created.is_ok() {
            fchmod(&opened, mode).map_err(fail)?;
        }
        Ok(opened)
    }

    fn open_at(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(self.directory.as_fd(), path, flags, Mode::empty(), resolve)
    }

    /// Opens the folder of a file.
    pub fn parent(&self, path: &Path) -> Result<OwnedFd, Failure> {
        self.folder(path.parent().unwrap_or(Path::new("/")))
    }
}
