//! `nixos-wsl apply`: brings the files of the root that live outside the store up to date, when a system is activated.
//!
//! WSL starts `/sbin/init`, `/bin/sh` and their like before anything can repair them, so at every moment each of these
//! paths is either the old file or the new one (U§3 F7, F35, F36).

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Deserialize;

use crate::system::root::Root;

mod tree;

/// Names of what is not in its place yet begin with this; a killed run leaves some, the next one removes them.
const BESIDE: &str = ".nixos-wsl-new-";
const LIMIT: u64 = 16 << 20;

/// `nixos-wsl/root.json` of a system (docs/design.md).
#[derive(Debug, Deserialize)]
pub struct Plan {
    version: u32,
    #[serde(default)]
    files: Vec<PlannedFile>,
    #[serde(default)]
    links: Vec<PlannedLink>,
    #[serde(default)]
    trees: Vec<Tree>,
}

#[derive(Debug, Deserialize)]
struct PlannedFile {
    path: PathBuf,
    source: PathBuf,
    mode: String,
}

#[derive(Debug, Deserialize)]
struct PlannedLink {
    path: PathBuf,
    target: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Tree {
    path: PathBuf,
    #[serde(default)]
    keep: Vec<String>,
    /// Names are kept only while this path exists.
    #[serde(default, rename = "keepWhile")]
    keep_while: Option<PathBuf>,
    entries: Vec<TreeEntry>,
}

impl Tree {
    /// The names to keep now.
    fn kept(&self, root: &Root) -> &[String] {
        let keeps = self.keep_while.as_ref().is_none_or(|path| root.path(path).exists());
        if keeps { &self.keep } else { &[] }
    }
}

#[derive(Debug, Deserialize)]
struct TreeEntry {
    name: String,
    #[serde(flatten)]
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Copy { source: PathBuf, mode: String },
    Link { target: PathBuf },
}

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
    #[error("{}: {source}", path.display())]
    Io {
        /// The path in the root.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Adds the path to an error of the file system.
trait At<T> {
    fn at(self, path: &Path) -> Result<T, ApplyError>;
}

impl<T, E: Into<std::io::Error>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, ApplyError> {
        self.map_err(|source| ApplyError::Io { path: path.to_owned(), source: source.into() })
    }
}

/// Reads the plan and carries it out. What is up to date already is not touched.
///
/// # Errors
/// [`ApplyError`]; entries before the one that failed are in place.
pub fn apply(root: &Root, plan: &Path) -> Result<(), ApplyError> {
    let bad = |reason: String| ApplyError::Plan { path: plan.to_owned(), reason };
    let bytes = root.read(plan, LIMIT).map_err(|error| bad(error.to_string()))?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if plan.version != 1 {
        return Err(bad(format!("version {} is not 1", plan.version)));
    }
    for file in &plan.files {
        put_file(root, file)?;
    }
    for link in &plan.links {
        put_link(&place(root, &link.path)?, &link.target)?;
    }
    for tree in &plan.trees {
        tree::put(root, tree)?;
    }
    Ok(())
}

/// Where an entry goes, its folder made if it is missing and cleared of what a killed run left.
fn place(root: &Root, entry: &Path) -> Result<PathBuf, ApplyError> {
    let normal = entry.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    if !entry.has_root() || !normal || entry.file_name().is_none() {
        return Err(ApplyError::Entry {
            entry: entry.to_owned(),
            reason: "not an absolute path of a file, without . and ..",
        });
    }
    let path = root.path(entry);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).at(folder)?;
        for left in std::fs::read_dir(folder).at(folder)?.flatten() {
            if left.file_name().as_encoded_bytes().starts_with(BESIDE.as_bytes()) {
                remove(&left.path());
            }
        }
    }
    Ok(path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(BESIDE);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

fn remove(path: &Path) {
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        let _ = std::fs::remove_dir_all(path);
    } else {
        let _ = std::fs::remove_file(path);
    }
}

fn parse_mode(entry: &Path, mode: &str) -> Result<u32, ApplyError> {
    u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).ok_or(ApplyError::Entry {
        entry: entry.to_owned(),
        reason: "the mode is not an octal number up to 7777",
    })
}

fn put_file(root: &Root, file: &PlannedFile) -> Result<(), ApplyError> {
    let path = place(root, &file.path)?;
    let mode = parse_mode(&file.path, &file.mode)?;
    let source = root.path(&file.source);
    if same_file(&path, &source, mode) {
        return Ok(());
    }
    let new = beside(&path);
    copy(&source, &new, mode)?;
    replace(&new, &path)
}

fn put_link(path: &Path, target: &Path) -> Result<(), ApplyError> {
    if same_link(path, target) {
        return Ok(());
    }
    let new = beside(path);
    symlink(target, &new).at(&new)?;
    replace(&new, path)
}

/// Renames over what is there, also if that is a folder.
fn replace(new: &Path, path: &Path) -> Result<(), ApplyError> {
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE).at(path)?;
        remove(new);
    } else {
        std::fs::rename(new, path).at(path)?;
    }
    sync_folder(path)
}

fn sync_folder(path: &Path) -> Result<(), ApplyError> {
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).at(folder)
}

fn copy(source: &Path, new: &Path, mode: u32) -> Result<(), ApplyError> {
    let mut from = File::open(source).at(source)?;
    let mut to = File::create(new).at(new)?;
    std::io::copy(&mut from, &mut to).at(new)?;
    // Synced before the rename: a power cut must not leave an empty /sbin/init.
    to.set_permissions(Permissions::from_mode(mode)).and_then(|()| to.sync_all()).at(new)
}

fn same_link(path: &Path, target: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|now| now == target)
}

fn same_file(path: &Path, source: &Path, mode: u32) -> bool {
    let Ok(found) = path.symlink_metadata() else { return false };
    if !found.is_file() || found.permissions().mode() & 0o7777 != mode {
        return false;
    }
    let length = source.metadata().map(|source| source.len());
    length.is_ok_and(|length| length == found.len())
        && matches!((std::fs::read(path), std::fs::read(source)), (Ok(a), Ok(b)) if a == b)
}
