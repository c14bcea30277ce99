//! Windows drives of an elevated session: WSL mounts them apart, and they stay the caller's own (S§7.3, step 2).
//!
//! A shell keeps the drives it was started with, whoever started systemd: else an administrator's drives would be
//! everyone's.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount_change, move_mount, open_tree,
};
use rustix::thread::UnshareFlags;

use crate::sys::namespace::unshare;

/// The drives of one mount namespace, ready to be taken to another.
#[derive(Debug)]
pub struct Drives(Vec<(PathBuf, OwnedFd)>);

impl Drives {
    /// Takes those of this process.
    #[must_use]
    pub fn collect() -> Self {
        let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let all = mounts.split(|&byte| byte == b'\n').filter_map(drive);
        Self(all.filter_map(|path| open_tree(CWD, &path, flags).ok().map(|tree| (path, tree))).collect())
    }

    /// Mounts them in a new namespace of this process's alone.
    ///
    /// # Errors
    /// No namespace could be made; a drive that cannot be mounted is left out.
    pub fn place(self) -> std::io::Result<()> {
        unshare(UnshareFlags::NEWNS)?;
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        for (path, tree) in self.0 {
            let _ = move_mount(tree.as_fd(), "", CWD, &path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH);
        }
        Ok(())
    }
}

/// The mount point of a line of `mountinfo` that is a Windows drive's.
fn drive(line: &[u8]) -> Option<PathBuf> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let dash = fields.iter().position(|field| *field == b"-")?;
    let (kind, source, options) = (fields.get(dash + 1)?, fields.get(dash + 2)?, fields.last()?);
    let windows = match *kind {
        b"9p" => options.windows(6).any(|part| part == b"aname=") || source.starts_with(b"drvfs"),
        b"virtiofs" => source.starts_with(b"drvfs"),
        b"drvfs" => true,
        // Whatever carries it.
        _ => matches!(source, [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic()),
    };
    windows.then(|| PathBuf::from(OsStr::from_bytes(&unescape(fields[4]))))
}

/// Blanks and the like are written as three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let letter = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\');
        plain.push(letter.unwrap_or(byte));
        rest = if letter.is_some() { &tail[3..] } else { tail };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_told_from_other_mounts() {
        let line = |path: &str, rest: &str| format!("99 60 0:50 / {path} rw,noatime - {rest}");
        let drives = [
            line("/mnt/c", "9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000,mmap"),
            line("/mnt/my\\040drive", "9p drvfs rw"),
            line("/mnt/d", "virtiofs drvfs1 rw"),
            line("/mnt/e", "fuse E:\\134 rw"),
        ];
        let paths: Vec<_> = drives.iter().filter_map(|line| drive(line.as_bytes())).collect();
        assert_eq!(paths, ["/mnt/c", "/mnt/my drive", "/mnt/d", "/mnt/e"].map(PathBuf::from));
        for other in [line("/", "ext4 /dev/sdc rw"), line("/usr/lib/wsl", "overlay none rw"), String::new()] {
            assert_eq!(drive(other.as_bytes()), None, "{other}");
        }
    }
}
