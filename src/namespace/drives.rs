//! Windows drives of an elevated session: WSL mounts them apart, and they stay the caller's own (S§7.3, step 2).
//!
//! A shell keeps the drives it was started with, whoever started systemd: else an administrator's drives would be
//! everyone's. Only what WSL's root has mounted on the root file system counts as a drive: root takes no other user's file
//! system along, and reaches each by a path without links on that file system alone, so that nobody's can make it wait.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags, openat2, statx};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount_change, move_mount, open_tree,
};
use rustix::thread::UnshareFlags;

use crate::sys::namespace::unshare;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The drives of one mount namespace, ready to be taken to another.
#[derive(Debug)]
pub struct Drives(Vec<(PathBuf, OwnedFd)>);

impl Drives {
    /// Takes those of this process.
    #[must_use]
    pub fn collect() -> Self {
        let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
        let all = drives(&mounts).into_iter();
        Self(all.filter_map(|drive| Some((drive.path.clone(), clone(&drive).ok()?))).collect())
    }

    /// Mounts them in a new namespace of this process's alone.
    ///
    /// # Errors
    /// No namespace could be made; a drive that cannot be mounted is left out.
    pub fn place(self) -> std::io::Result<()> {
        unshare(UnshareFlags::NEWNS)?;
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        for (path, tree) in self.0 {
            let _ =
                mount_point(&path).and_then(|target| move_mount(tree.as_fd(), "", target.as_fd(), "", flags));
        }
        Ok(())
    }
}

/// Opens what is mounted at a path. The way there leads over no link and no other mount; only the last step may.
fn mount_point(path: &Path) -> Result<OwnedFd, Errno> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL) };
    let links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let parent = openat2(CWD, parent, FOLDER, Mode::empty(), links | ResolveFlags::NO_XDEV)?;
    openat2(parent, name, FOLDER, Mode::empty(), links)
}

/// A copy of this mount alone: what a user has mounted on a drive stays there.
fn clone(drive: &Drive) -> Result<OwnedFd, Errno> {
    let place = mount_point(&drive.path)?;
    let found = statx(&place, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    if found.stx_mnt_id != drive.id {
        return Err(Errno::STALE);
    }
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(place, "", flags)
}

/// A drive's mount.
#[derive(Debug, PartialEq, Eq)]
pub struct Drive {
    /// The kernel's number for the mount.
    pub id: u64,
    /// Where it is mounted.
    pub path: PathBuf,
}

/// A line of `mountinfo` (`proc_pid_mountinfo(5)`).
struct Mount<'a> {
    id: u64,
    parent: u64,
    path: PathBuf,
    kind: &'a [u8],
    source: &'a [u8],
    options: &'a [u8],
}

impl<'a> Mount<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
        let dash = fields.iter().position(|field| *field == b"-")?;
        Some(Self {
            id: number(fields.first()?)?,
            parent: number(fields.get(1)?)?,
            path: PathBuf::from(OsStr::from_bytes(&unescape(fields.get(4)?))),
            kind: fields.get(dash + 1)?,
            source: fields.get(dash + 2)?,
            options: fields.get(dash + 3)?,
        })
    }

    /// Whether it is what WSL mounts (W§4.4): by its file system, its source, and who may have mounted it.
    fn is_windows(&self) -> bool {
        let mut options = self.options.split(|&byte| byte == b',');
        let of_windows = self.source.starts_with(b"drvfs")
            || matches!(self.source, [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
        match self.kind {
            b"9p" => of_windows || options.any(|option| option.starts_with(b"aname=drvfs")),
            b"drvfs" => true,
            // Users mount these, and choose the source.
            kind if kind.starts_with(b"fuse") => of_windows && options.any(|option| option == b"user_id=0"),
            // Whatever else carries it takes root to mount.
            _ => of_windows,
        }
    }
}

/// The drives among the lines of `mountinfo`: mounted on the root file system itself, as WSL does it, or on another such
/// mount in that place.
#[must_use]
pub fn drives(mountinfo: &[u8]) -> Vec<Drive> {
    let mounts: Vec<Mount> = mountinfo.split(|&byte| byte == b'\n').filter_map(Mount::parse).collect();
    let on_root = |mount: &&Mount| {
        let mut below = Some(*mount);
        // No more steps than there are mounts: the file is read while they change.
        for _ in 0..mounts.len() {
            below = below.and_then(|mount| mounts.iter().find(|other| other.id == mount.parent));
            match below {
                Some(other) if other.path == Path::new("/") => return true,
                Some(other) if other.path == mount.path && other.is_windows() => {}
                _ => return false,
            }
        }
        false
    };
    let drives = mounts.iter().filter(on_root).filter(|mount| mount.is_windows());
    drives.map(|mount| Drive { id: mount.id, path: mount.path.clone() }).collect()
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

    const ROOT: &str = "60 1 8:32 / / rw,relatime shared:1 - ext4 /dev/sdc rw\n";

    fn paths(lines: &[&str]) -> Vec<PathBuf> {
        let text = format!("{ROOT}{}", lines.join("\n"));
        drives(text.as_bytes()).into_iter().map(|drive| drive.path).collect()
    }

    #[test]
    fn drives_are_told_from_other_mounts() {
        let drives = [
            "99 60 0:50 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000,mmap",
            "98 60 0:51 / /mnt/my\\040drive rw,noatime - 9p drvfs rw",
            "97 60 0:52 / /mnt/d rw,noatime - virtiofs drvfs1 rw",
            "96 60 0:53 / /mnt/e rw,noatime - tmpfs E:\\134 rw",
        ];
        assert_eq!(paths(&drives), ["/mnt/c", "/mnt/my drive", "/mnt/d", "/mnt/e"].map(PathBuf::from));
        let above = "95 99 0:54 / /mnt/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\";
        assert_eq!(paths(&[drives[0], above]), ["/mnt/c", "/mnt/c"].map(PathBuf::from), "one over the other");
        assert!(paths(&["99 60 0:50 / /usr/lib/wsl rw - overlay none rw", ""]).is_empty());
    }

    #[test]
    fn what_a_user_has_mounted_is_no_drive() {
        let foreign = [
            // A share of a virtual machine's or a server's.
            "99 60 0:50 / /home/a/share rw - 9p share rw,aname=/srv,trans=unix",
            // `fusermount` takes any source.
            "98 60 0:51 / /home/a/c rw,nosuid - fuse C:\\134 rw,user_id=1000,group_id=100",
            "97 60 0:52 / /home/a/d rw,nosuid - fuse.sshfs drvfs rw,user_id=1000,group_id=100",
            // On a file system that is not the root's own.
            "96 97 0:53 / /home/a/d/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\",
            "95 5 0:54 / /mnt/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\",
        ];
        assert!(paths(&foreign).is_empty());
    }
}
