//! A tree of the plan: a directory that is made beside the old one and swapped with it.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    ApplyError, At, BESIDE, Content, Tree, beside, copy, parse_mode, place, remove, replace, same_file,
    same_link, sync_folder,
};
use crate::system::root::Root;

/// Swaps the whole directory, so that names come and go in one step.
pub(super) fn put(root: &Root, tree: &Tree) -> Result<(), ApplyError> {
    let path = place(root, &tree.path)?;
    for name in tree.entries.iter().map(|entry| &entry.name).chain(&tree.keep) {
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(ApplyError::Entry { entry: tree.path.join(name), reason: "not a name in the tree" });
        }
    }
    if is_up_to_date(root, tree, &path) {
        return Ok(());
    }
    let new = beside(&path);
    std::fs::create_dir(&new)
        .and_then(|()| std::fs::set_permissions(&new, Permissions::from_mode(0o755)))
        .at(&new)?;
    for entry in &tree.entries {
        let file = new.join(&entry.name);
        match &entry.content {
            Content::Copy { source, mode } => {
                copy(&root.path(source), &file, parse_mode(&tree.path.join(&entry.name), mode)?)?;
            }
            Content::Link { target } => symlink(target, &file).at(&file)?,
        }
    }
    for name in tree.kept(root) {
        keep(&path.join(name), &new.join(name))?;
    }
    File::open(&new).and_then(|folder| folder.sync_all()).at(&new)?;
    swap(&new, &path)
}

/// Carries a file of the old tree into the new one, unless the plan has that name.
fn keep(old: &Path, new: &Path) -> Result<(), ApplyError> {
    if new.symlink_metadata().is_ok() {
        return Ok(());
    }
    match old.symlink_metadata() {
        Ok(found) if found.is_symlink() => symlink(std::fs::read_link(old).at(old)?, new).at(new),
        Ok(found) if found.is_file() => std::fs::hard_link(old, new).at(new),
        _ => Ok(()),
    }
}

fn swap(new: &Path, path: &Path) -> Result<(), ApplyError> {
    if path.symlink_metadata().is_err() {
        std::fs::rename(new, path).at(path)?;
        return sync_folder(path);
    }
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => {
            sync_folder(path)?;
            remove(new);
            Ok(())
        }
        // A mount point, or a file system without exchange: name by name, each by rename.
        Err(_) if path.is_dir() => merge(new, path),
        Err(error) => Err(error).at(path),
    }
}

fn merge(new: &Path, path: &Path) -> Result<(), ApplyError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(new).at(new)? {
        let name = entry.at(new)?.file_name();
        let beside = path.join(BESIDE);
        let from = new.join(&name);
        // Through a link or copy in the folder itself: `new` may be on another file system.
        if let Ok(target) = std::fs::read_link(&from) {
            remove(&beside);
            symlink(target, &beside).at(&beside)?;
        } else {
            copy(&from, &beside, from.metadata().at(&from)?.permissions().mode() & 0o7777)?;
        }
        replace(&beside, &path.join(&name))?;
        names.push(name);
    }
    for old in std::fs::read_dir(path).at(path)?.flatten() {
        if !names.contains(&old.file_name()) {
            remove(&old.path());
        }
    }
    remove(new);
    sync_folder(&path.join("x"))
}

fn is_up_to_date(root: &Root, tree: &Tree, path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    if path.is_symlink() {
        return false;
    }
    let planned = |name: &std::ffi::OsStr| tree.entries.iter().any(|entry| name == entry.name.as_str());
    let kept = |name: &std::ffi::OsStr| tree.kept(root).iter().any(|keep| name == keep.as_str());
    entries.flatten().all(|entry| planned(&entry.file_name()) || kept(&entry.file_name()))
        && tree.entries.iter().all(|entry| {
            let file = path.join(&entry.name);
            match &entry.content {
                Content::Copy { source, mode } => {
                    parse_mode(path, mode).is_ok_and(|mode| same_file(&file, &root.path(source), mode))
                }
                Content::Link { target } => same_link(&file, target),
            }
        })
}
