//! Entries for the start menu of Windows: WSLg lists the desktop files below `/usr/share/applications`.
//!
//! The files are copied, because WSLg may look at them from WSL's system distribution, where links into the store lead
//! nowhere; of the icons only those that an entry names.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::swap::{NewDirectory, remove};
use crate::system::error::{Context, Failure};

/// Deeper than any icon theme; ends a loop of links.
const DEPTH: usize = 12;
/// Larger than any desktop file.
const DESKTOP_LIMIT: u64 = 1 << 20;
/// Larger than any icon worth copying.
const ICON_LIMIT: u64 = 16 << 20;

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Desktop files.
    pub entries: usize,
    /// Icons.
    pub icons: usize,
}

/// Makes `applications` and `icons` below `target` (`/usr/share`) anew from the `share` directories in `sources`; of two
/// files under one name that of the earlier source is taken. Missing sources, dangling links and files that cannot be
/// read are passed over. Without any entry both directories are removed.
///
/// # Errors
/// When `target` cannot be written.
pub fn update(sources: &[PathBuf], target: &Path) -> Result<Copied, Failure> {
    let entries = collect(sources, "applications", |path| {
        path.extension() == Some(OsStr::new("desktop")) && is_file_up_to(path, DESKTOP_LIMIT)
    });
    let names: BTreeSet<String> = entries.values().filter_map(|path| icon_name(path)).collect();
    let icons = collect(sources, "icons", |path| {
        path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| names.contains(stem))
            && is_file_up_to(path, ICON_LIMIT)
    });
    Ok(Copied {
        entries: replace(&target.join("applications"), &entries)?,
        icons: replace(&target.join("icons"), &icons)?,
    })
}

/// Files below `source/kind` by their path there.
fn collect(sources: &[PathBuf], kind: &str, wanted: impl Fn(&Path) -> bool) -> BTreeMap<PathBuf, PathBuf> {
    let mut found = BTreeMap::new();
    for source in sources {
        let top = source.join(kind);
        let mut stack = vec![(top.clone(), 0)];
        while let Some((directory, depth)) = stack.pop() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    if depth < DEPTH {
                        stack.push((path, depth + 1));
                    }
                } else if wanted(&path)
                    && let Ok(relative) = path.strip_prefix(&top)
                {
                    found.entry(relative.to_owned()).or_insert(path);
                }
            }
        }
    }
    found
}

fn is_file_up_to(path: &Path, limit: u64) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.len() <= limit)
}

/// The icon that a desktop file names, if it names one by its name alone.
fn icon_name(desktop_file: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(desktop_file).ok()?).into_owned();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("Icon=").or(line.strip_prefix("Icon =")))
        .map(str::trim)?;
    (!value.contains('/')).then(|| {
        // Some name the file instead of the icon.
        let stem = [".png", ".svg", ".xpm"].iter().find_map(|suffix| value.strip_suffix(suffix));
        stem.unwrap_or(value).to_owned()
    })
}

fn replace(place: &Path, files: &BTreeMap<PathBuf, PathBuf>) -> Result<usize, Failure> {
    if files.is_empty() {
        remove(place)?;
        return Ok(0);
    }
    let directory = NewDirectory::beside(place)?;
    let mut copied = 0;
    for (relative, source) in files {
        let file = directory.path().join(relative);
        let parent = file.parent().unwrap_or(directory.path());
        fs::create_dir_all(parent).at(parent)?;
        // The source may be gone by now, with the profile it was in; the target's errors are real.
        let Ok(content) = fs::read(source) else { continue };
        fs::write(&file, content).at(&file)?;
        copied += 1;
    }
    directory.put()?;
    Ok(copied)
}
