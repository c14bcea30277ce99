//! A distribution's tree goes away whatever was left in it, as a virtual disk does: immutable and append-only files,
//! mounts, folders of any depth, names in any bytes.

use std::ffi::{CStr, CString, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, IFlags, Mode, OFlags, RenameFlags, fstat, ioctl_getflags, ioctl_setflags, openat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

/// chattr(1) `+i` and `+a`: what they are on can be neither changed nor deleted.
const LOCKED: IFlags = IFlags::IMMUTABLE.union(IFlags::APPEND);

/// Deletes `tree`; one that is not there is no error. A mount in it is detached, and what is in the mount stays.
///
/// # Errors
///
/// The system's, of the first file that stays.
pub fn remove_tree(tree: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = match rustix::fs::open(tree, flags, Mode::empty()) {
        Ok(root) => root,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    detach_below(&fs::canonicalize(tree)?)?;
    unlock(&root);
    // Every folder moves up to the root before it is emptied: no path is too long, and none is deep.
    let mut number = 0;
    let mut ahead = empty(&root, None, &mut number)?;
    while let Some(name) = ahead.pop() {
        let folder = openat(&root, &*name, flags, Mode::empty())?;
        ahead.extend(empty(&folder, Some(&root), &mut number)?);
        unlinkat(&root, &*name, AtFlags::REMOVEDIR)?;
    }
    Ok(rustix::fs::rmdir(tree)?)
}

/// Deletes the files of a folder; its folders are moved to `root`, under new names, or stay where `folder` is the root.
/// Gives the names that they have in the root.
fn empty(folder: &OwnedFd, root: Option<&OwnedFd>, number: &mut u64) -> io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    // The list is read first: what is deleted meanwhile would make it skip entries.
    let entries = Dir::read_from(folder)?.map(|entry| Ok(entry?.file_name().to_owned()));
    let entries: Vec<CString> = entries.collect::<Result<_, Errno>>()?;
    for name in entries.into_iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
        let kind = FileType::from_raw_mode(statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        if kind == FileType::Directory {
            open_unlocked(folder, &name);
            folders.push(match root {
                Some(root) => move_up(folder, &name, root, number)?,
                None => name,
            });
            continue;
        }
        match unlinkat(folder, &*name, AtFlags::empty()) {
            Err(Errno::PERM) if kind == FileType::RegularFile => {
                open_unlocked(folder, &name);
                unlinkat(folder, &*name, AtFlags::empty())?;
            }
            result => result?,
        }
    }
    Ok(folders)
}

fn move_up(folder: &OwnedFd, name: &CStr, root: &OwnedFd, number: &mut u64) -> io::Result<CString> {
    loop {
        *number += 1;
        let new = CString::new(number.to_string())?;
        match renameat_with(folder, name, root, &*new, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            result => return result.map(|()| new).map_err(Into::into),
        }
    }
}

/// Takes the flags away from a regular file or a folder.
fn open_unlocked(folder: &OwnedFd, name: &CStr) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if let Ok(file) = openat(folder, name, flags, Mode::empty()) {
        unlock(&file);
    }
}

/// Some file systems have no such flags; whoever cannot take them away fails to delete.
fn unlock(file: impl AsFd) {
    if fstat(&file).is_ok()
        && let Ok(flags) = ioctl_getflags(&file)
        && flags.intersects(LOCKED)
    {
        let _ = ioctl_setflags(&file, flags.difference(LOCKED));
    }
}

/// Detaches what is mounted below a folder, the last first: on a disk that is thrown away nothing is mounted any more.
fn detach_below(folder: &Path) -> io::Result<()> {
    for point in points(&fs::read("/proc/self/mountinfo")?).into_iter().rev() {
        if point != folder && point.starts_with(folder) {
            unmount(&point, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?;
        }
    }
    Ok(())
}

/// The mount points of a `mountinfo` (`proc_pid_mountinfo(5)`), in its order.
fn points(mountinfo: &[u8]) -> Vec<PathBuf> {
    let field = |line: &[u8]| line.split(|&byte| byte == b' ').nth(4).map(unescape);
    mountinfo.split(|&byte| byte == b'\n').filter_map(field).collect()
}

/// Blanks, line feeds and backslashes are octal.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field;
    while let [byte, after @ ..] = rest {
        let digits =
            after.get(..3).filter(|_| *byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(code) = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(code);
            rest = &after[3..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn mount_points_may_have_any_bytes() {
        let text =
            b"22 1 8:32 / / rw - ext4 a rw\n30 22 0:25 / /a\\040b\\134\xff rw shared:1 - tmpfs none rw\n";
        let points: Vec<_> = points(text).iter().map(|point| point.as_os_str().as_bytes().to_vec()).collect();
        assert_eq!(points, [b"/".to_vec(), b"/a b\\\xff".to_vec()]);
    }
}
