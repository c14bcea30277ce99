//! A tree of the plan: a directory whose names are replaced one by one, so that those of others are never touched.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, mkdirat, openat, statat,
};
use rustix::io::Errno;

use super::error::ApplyError;
use super::plan::{PlannedContent, PlannedTree, parse_mode};
use super::record::Names;
use super::work::{Work, own_ids, sync};
use crate::system::error::Failure;
use crate::system::replace::{self, Attributes, Durability, NewDirectory, Target};

/// Brings the tree up to date. `names.own` are those of this plan and of former ones; afterwards, those of them that are
/// there, and in `names.foreign` the others.
pub(super) fn put(work: &mut Work<'_>, tree: &PlannedTree, names: &mut Names) -> Result<(), ApplyError> {
    let shown = work.below.path(&tree.path);
    let fail = |error: Errno| Failure::new("", &shown, error);
    let parent = work.folder(&tree.path)?;
    let name = tree.path.file_name().unwrap_or_default();
    let found = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW);
    if found.is_ok_and(|found| !FileType::from_raw_mode(found.st_mode).is_dir()) {
        // A link to a directory, or something else: the whole directory at once.
        let new = NewDirectory::new(Target::new(parent.as_fd(), &shown), Attributes::mode(0o755))?;
        fill(work, tree, new.directory())?;
        if let Ok(old) = work.below.folder(&tree.path) {
            for name in tree.retained(work.root) {
                keep(old.as_fd(), new.directory(), OsStr::new(name)).map_err(fail)?;
            }
        }
        new.take_place(Durability::Full)?;
    }
    let directory = open(work, tree, parent.as_fd())?;
    replace::clear_folder(directory.as_fd()).map_err(fail)?;
    let filled = fill(work, tree, directory.as_fd())?;
    if clean(work, tree, directory.as_fd(), names).map_err(fail)? || filled {
        sync(&directory, &shown)?;
    }
    Ok(())
}

/// The directory itself, made if it is missing, root's own; never what a link in its place leads to.
fn open(work: &Work<'_>, tree: &PlannedTree, parent: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let fail = |error: Errno| Failure::new("", work.below.path(&tree.path), error);
    let name = tree.path.file_name().unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            mkdirat(parent, name, Mode::from_raw_mode(0o755)).map_err(fail)?;
            openat(parent, name, flags, Mode::empty())
        }
        opened => opened,
    };
    let directory = directory.map_err(fail)?;
    let found = fstat(&directory).map_err(fail)?;
    let (uid, gid) = own_ids();
    if (found.st_uid, found.st_gid) != (uid, gid) {
        fchown(&directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(fail)?;
    }
    if found.st_mode & 0o7777 != 0o755 {
        fchmod(&directory, Mode::from_raw_mode(0o755)).map_err(fail)?;
    }
    Ok(directory)
}

/// Puts every entry; says whether anything has changed.
fn fill(work: &mut Work<'_>, tree: &PlannedTree, directory: BorrowedFd<'_>) -> Result<bool, ApplyError> {
    let mut changed = false;
    for entry in &tree.entries {
        let path = tree.path.join(&entry.name);
        changed |= match &entry.content {
            PlannedContent::Copy { source, mode } => {
                work.file(directory, &path, source, parse_mode(&path, mode)?)?
            }
            PlannedContent::Link { target } => {
                work.note_dangling(&path, target);
                work.link(directory, &path, target)?
            }
        };
    }
    Ok(changed)
}

/// Carries a file from behind a link into the directory that replaces the link, unless the plan has that name.
fn keep(old: BorrowedFd<'_>, new: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let Ok(found) = statat(old, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
    let made = match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(old, name, Vec::new())?;
            rustix::fs::symlinkat(target, new, name)
        }
        FileType::RegularFile => rustix::fs::linkat(old, name, new, name, AtFlags::empty()),
        _ => Ok(()),
    };
    if made == Err(Errno::EXIST) { Ok(()) } else { made }
}

/// Removes what a former plan had and this one has not, and tells our names from the others'.
fn clean(
    work: &Work<'_>,
    tree: &PlannedTree,
    directory: BorrowedFd<'_>,
    names: &mut Names,
) -> Result<bool, Errno> {
    let planned: BTreeSet<&str> = tree.entries.iter().map(|entry| entry.name.as_str()).collect();
    let retained = tree.retained(work.root);
    let mut own: BTreeSet<String> = planned.iter().map(|&name| name.to_owned()).collect();
    let mut changed = false;
    let again = openat(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for entry in Dir::new(again)? {
        let entry = entry?;
        let bytes = entry.file_name().to_bytes();
        let name = String::from_utf8_lossy(bytes).into_owned();
        if name == "." || name == ".." || planned.contains(name.as_str()) {
            continue;
        }
        let known = names.own.contains(&name);
        if retained.contains(&name) {
            if known {
                own.insert(name);
            }
            continue;
        }
        let is_directory = statat(directory, OsStr::from_bytes(bytes), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_dir());
        // No plan has directories.
        if tree.exclusive || known && !is_directory {
            replace::remove(directory, OsStr::from_bytes(bytes))?;
            changed = true;
        } else {
            names.foreign.insert(name);
        }
    }
    names.own = own;
    Ok(changed)
}
