//! `nixos-wsl apply`: brings the files of the root that live outside the store up to date, when a system is activated.
//!
//! WSL starts `/sbin/init`, `/bin/sh` and their like before anything can repair them, so at every moment each of these
//! paths is either the old file or the new one (U§3 F7, F35, F36). What somebody else put beside them stays.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;
use below::Below;
use plan::parse_mode;
use record::Record;

mod below;
mod plan;
mod record;
mod tree;

pub use plan::Plan;

/// The link to the running system; not there yet when a boot activates one.
const CURRENT: &str = "/run/current-system";

/// Why the root could not be brought up to date; always with the path.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan cannot be read.
    #[error("{}: {reason}", path.display())]
    Plan {
        /// The plan's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of the plan makes no sense.
    #[error("{}: {reason}", entry.display())]
    Entry {
        /// The entry's path.
        entry: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file could not be brought into its place.
    #[error(transparent)]
    Io(#[from] Failure),
}

/// What the user should know of an activation that did its work.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths in trees of the plan that somebody else put there, and that stay: all of them when the system boots, those
    /// that were not there before when it runs.
    pub foreign: Vec<PathBuf>,
    /// Files that could not be replaced because something is mounted on the file itself.
    pub mounted: Vec<PathBuf>,
}

impl Report {
    /// The report in sentences, one for each directory and mount.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut trees: BTreeMap<&Path, Vec<Cow<'_, str>>> = BTreeMap::new();
        for path in &self.foreign {
            let names = trees.entry(path.parent().unwrap_or(path)).or_default();
            names.push(path.file_name().unwrap_or_default().to_string_lossy());
        }
        let foreign = trees.iter().map(|(tree, names)| {
            format!("{}: not of this system and left as it is: {}", tree.display(), names.join(", "))
        });
        let mounted = self.mounted.iter().map(|path| {
            format!("{}: something is mounted here, so the file below stays as it was", path.display())
        });
        foreign.chain(mounted).collect()
    }
}

/// Reads the plan and carries it out. What is up to date already is not touched.
///
/// # Errors
/// [`ApplyError`]; entries before the one that failed are in place.
pub fn apply(root: &Root, plan: &Path) -> Result<Report, ApplyError> {
    let plan = Plan::read(root, plan)?;
    let mut work = Work { root, below: Below::open(root)?, report: Report::default() };
    for file in &plan.files {
        let mode = parse_mode(&file.path, &file.mode)?;
        let folder = work.folder(&file.path)?;
        if work.file(folder.as_fd(), &file.path, &file.source, mode)? {
            sync(&folder, &work.below.path(&file.path))?;
        }
    }
    for link in &plan.links {
        let folder = work.folder(&link.path)?;
        if work.link(folder.as_fd(), &link.path, &link.target)? {
            sync(&folder, &work.below.path(&link.path))?;
        }
    }
    let boots = root.path(CURRENT).symlink_metadata().is_err();
    let (mut record, recorded) = Record::load(root, &work.below);
    let before = recorded.then(|| record.clone());
    plan.trees.iter().for_each(|tree| record.add(tree));
    if before.as_ref() != Some(&record) {
        record.save(&work.below)?;
    }
    let during = record.clone();
    for tree in &plan.trees {
        let names = record.tree(tree);
        let known = std::mem::take(&mut names.foreign);
        tree::put(&mut work, tree, names)?;
        let new = names.foreign.iter().filter(|name| boots || !known.contains(*name));
        work.report.foreign.extend(new.map(|name| tree.path.join(name)));
    }
    if record != during {
        record.save(&work.below)?;
    }
    Ok(work.report)
}

/// Brings the names of a folder to the disk.
fn sync(folder: impl AsFd, path: &Path) -> Result<(), Failure> {
    rustix::fs::fsync(folder).at(path)
}

struct Work<'a> {
    /// What is read: as the caller sees it.
    root: &'a Root,
    /// What is written.
    below: Below,
    report: Report,
}

impl Work<'_> {
    /// The folder of an entry, cleared of what a killed run left.
    fn folder(&self, entry: &Path) -> Result<OwnedFd, Failure> {
        let folder = self.below.parent(entry)?;
        replace::clear_folder(folder.as_fd()).at(self.below.path(entry))?;
        Ok(folder)
    }

    /// Copies a file of the store to its place, unless it is there; says whether the folder is to be synced.
    fn file(
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
    fn link(&mut self, folder: BorrowedFd<'_>, path: &Path, target: &Path) -> Result<bool, Failure> {
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

    /// A file that something is mounted on cannot be renamed over, and the mount is not ours to take away.
    fn note_mount(&mut self, path: &Path, replaced: Result<(), Failure>) -> Result<bool, Failure> {
        match replaced {
            Err(failure) if failure.reason().kind() == io::ErrorKind::ResourceBusy => {
                self.report.mounted.push(path.to_owned());
                Ok(false)
            }
            replaced => replaced.map(|()| true),
        }
    }
}

fn own_ids() -> (u32, u32) {
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
