//! One directory of graphics drivers from two: NixOS's and those that Windows mounts at `/usr/lib/wsl/lib`.
//!
//! Which files Windows brings depends on its driver and changes with every update of it, so the links are made at boot
//! from what is there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::swap::{NewTree, remove};
use crate::system::error::{Context, Failure};

/// What is linked together.
#[derive(Debug)]
pub struct Drivers<'a> {
    /// NixOS's drivers: a store path with `lib`, and perhaps `share` and others.
    pub nixos: &'a Path,
    /// The directory with the libraries of Windows; it need not exist.
    pub windows: &'a Path,
    /// Further files of Windows; those that do not exist are passed over.
    pub also: &'a [PathBuf],
}

/// What was linked.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// How many files are NixOS's.
    pub nixos: usize,
    /// How many are of Windows; 0 on a machine without a driver.
    pub windows: usize,
}

/// Makes the directory `farm`: its `lib` has a link to every file of both, and to the rest of NixOS's drivers make it.
/// Where both have a name, that of Windows is taken. A reader sees the old directory or the new one.
///
/// # Errors
/// When a directory cannot be read or the links cannot be made.
pub fn link(drivers: &Drivers<'_>, farm: &Path) -> Result<LinkReport, Failure> {
    let directory = NewTree::make(farm)?;
    let lib = directory.path().join("lib");
    fs::create_dir(&lib).at(&lib)?;

    let mut linked = LinkReport { nixos: 0, windows: 0 };
    for path in entries(drivers.nixos)? {
        if path.file_name().is_some_and(|name| name == "lib") {
            linked.nixos = link_each(&entries(&path)?, &lib)?;
        } else {
            link_each(&[path], directory.path())?;
        }
    }
    if drivers.windows.is_dir() {
        linked.windows = link_each(&entries(drivers.windows)?, &lib)?;
    }
    let also: Vec<PathBuf> = drivers.also.iter().filter(|path| path.exists()).cloned().collect();
    linked.windows += link_each(&also, &lib)?;

    directory.put()?;
    Ok(linked)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = fs::read_dir(directory).at(directory)?;
    read.map(|entry| entry.map(|entry| entry.path()).at(directory)).collect()
}

fn link_each(targets: &[PathBuf], directory: &Path) -> Result<usize, Failure> {
    for target in targets {
        let link = directory.join(target.file_name().unwrap_or_default());
        remove(&link)?;
        symlink(target, &link).at(&link)?;
    }
    Ok(targets.len())
}
