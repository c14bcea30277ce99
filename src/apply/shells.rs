//! The wrappers of login shells: whoever's line in `/etc/passwd` names one has it, also who was made at run time.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, readlinkat, statat};
use rustix::io::Errno;

use super::error::ApplyError;
use super::plan::{REAL, Shells, Wrapper};
use super::work::{Work, sync};
use crate::system::accounts::{self, PASSWD};
use crate::system::error::{Context, Failure};
use crate::system::replace;

/// Makes the wrappers of the plan and those that `/etc/passwd` names besides, and removes all others.
pub(super) fn put(work: &mut Work<'_>, shells: &Shells) -> Result<(), ApplyError> {
    for Wrapper { path, shell } in &shells.wrappers {
        wrapper(work, shells, path, Some(shell))?;
    }
    let in_passwd = match accounts::shells(work.root) {
        Ok(in_passwd) => in_passwd,
        // Nobody is known to have lost a wrapper.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::new("", work.root.path(PASSWD), error).into()),
    };
    let mut needed: Vec<PathBuf> = shells.wrappers.iter().map(|wrapper| wrapper.path.clone()).collect();
    for path in in_passwd {
        if !shells.is_wrapper(&path) || needed.contains(&path) {
            continue;
        }
        // A folder of the plan has the link that the plan gives it.
        let planned = needed.iter().any(|known| known.parent() == path.parent());
        let lost = !planned && has_lost_its_shell(work, &path)?;
        wrapper(work, shells, &path, lost.then(|| shells.in_place_of(&path)).flatten())?;
        needed.push(path);
    }
    Ok(remove_others(work, shells, &needed)?)
}

/// Makes a wrapper, and the link to its shell if one is given.
pub(super) fn wrapper(
    work: &mut Work<'_>,
    shells: &Shells,
    path: &Path,
    shell: Option<&Path>,
) -> Result<(), Failure> {
    let folder = work.folder(path)?;
    // The link first: a wrapper that is there can be run.
    let linked = match shell {
        Some(shell) => work.link(folder.as_fd(), &path.with_file_name(REAL), shell)?,
        None => false,
    };
    if work.file(folder.as_fd(), path, &shells.source, 0o755)? || linked {
        sync(&folder, &work.below.path(path))?;
    }
    Ok(())
}

/// Whether a wrapper has no shell, or one of the store that is no longer there.
fn has_lost_its_shell(work: &Work<'_>, wrapper: &Path) -> Result<bool, Failure> {
    let folder = work.folder(wrapper)?;
    let Ok(target) = readlinkat(&folder, REAL, Vec::new()) else { return Ok(true) };
    let target = Path::new(OsStr::from_bytes(target.as_bytes()));
    Ok(work.is_gone_from_store(target))
}

/// Removes wrappers that neither the plan nor a line has, and folders of owners that have none left.
fn remove_others(work: &Work<'_>, shells: &Shells, needed: &[PathBuf]) -> Result<(), Failure> {
    let folder = work.below.folder(&shells.path)?;
    let shown = work.below.path(&shells.path);
    let mut changed = false;
    for owner in names(folder.as_fd()).at(&shown)? {
        let found = statat(&folder, &*owner, AtFlags::SYMLINK_NOFOLLOW).at(&shown)?;
        if !FileType::from_raw_mode(found.st_mode).is_dir() {
            continue;
        }
        let path = shells.path.join(&owner);
        let own: Vec<&OsStr> = needed
            .iter()
            .filter(|wrapper| wrapper.parent() == Some(&path))
            .filter_map(|wrapper| wrapper.file_name())
            .collect();
        if own.is_empty() {
            replace::remove(folder.as_fd(), &owner).at(work.below.path(&path))?;
            changed = true;
            continue;
        }
        let files = work.below.folder(&path)?;
        for name in names(files.as_fd()).at(work.below.path(&path))? {
            if name != REAL && !own.contains(&&*name) {
                replace::remove(files.as_fd(), &name).at(work.below.path(&path.join(&name)))?;
            }
        }
    }
    if changed { sync(&folder, &shown) } else { Ok(()) }
}

fn names(folder: BorrowedFd<'_>) -> Result<Vec<OsString>, Errno> {
    let name =
        |entry: Result<DirEntry, Errno>| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned());
    let all: Vec<OsString> = Dir::read_from(folder)?.map(name).collect::<Result<_, Errno>>()?;
    Ok(all.into_iter().filter(|name| name != "." && name != "..").collect())
}
