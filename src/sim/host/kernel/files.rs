//! The files of a shown file system: the kernel's, but for what is written into them, which stays here.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{Errno, FileAttr, FileType, INodeNo, OpenAccMode, OpenFlags};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, openat, readlinkat, statat};

use crate::sim::host::kernel::attribute::changed;
use crate::sim::host::kernel::names::{KernelNames, below};
use crate::sim::host::kernel::uevent::{Sender, message};

/// More than any setting, and what one request may ask for.
const LARGEST: u64 = 1 << 20;

/// Which of the kernel's file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelFileSystem {
    /// `/sys`, with the network devices of this network namespace.
    Sys,
    /// `/proc/sys`. `net` in it is this network namespace's own, and is written into.
    ProcSys,
}

/// One of them, with what has been written into it.
pub struct KernelFiles {
    shown: KernelFileSystem,
    lower: OwnedFd,
    uevents: Sender,
    names: Mutex<KernelNames>,
}

impl KernelFiles {
    /// Of that file system, as the kernel has it.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(super) fn new(shown: KernelFileSystem, lower: OwnedFd) -> io::Result<Self> {
        Ok(Self { shown, lower, uevents: Sender::new()?, names: Mutex::new(KernelNames::default()) })
    }

    fn names(&self) -> MutexGuard<'_, KernelNames> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: INodeNo) -> io::Result<PathBuf> {
        self.names().path(number.0).ok_or_else(|| Errno::ENOENT.code()).map_err(io::Error::from_raw_os_error)
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
        Ok(openat(&self.lower, path, flags, Mode::empty())?.into())
    }

    fn attributes(&self, path: &Path) -> io::Result<FileAttr> {
        let stat = statat(&self.lower, path, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut names = self.names();
        let number = names.number(path);
        let mut attributes = attributes(number, &stat);
        if let Some(own) = names.own(path) {
            attributes.perm = own.mode.map_or(attributes.perm, permissions);
            attributes.uid = own.uid.unwrap_or(attributes.uid);
            attributes.gid = own.gid.unwrap_or(attributes.gid);
        }
        Ok(attributes)
    }

    pub(super) fn found(&self, number: INodeNo) -> io::Result<FileAttr> {
        self.attributes(&self.path(number)?)
    }

    pub(super) fn child(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        self.attributes(&below(&self.path(parent)?, Path::new(name)))
    }

    /// Keeps the mode and the owners that are given.
    pub(super) fn change(
        &self,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> io::Result<FileAttr> {
        let path = self.path(number)?;
        if mode.is_some() || uid.is_some() || gid.is_some() {
            let mut names = self.names();
            let own = names.change(path.clone());
            own.mode = mode.or(own.mode);
            own.uid = uid.or(own.uid);
            own.gid = gid.or(own.gid);
        }
        self.attributes(&path)
    }

    pub(super) fn link(&self, number: INodeNo) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.lower, self.path(number)?, Vec::new())?.into_bytes())
    }

    /// The kernel looks at the bits of root's files too: who may override them gets no farther.
    pub(super) fn may_open(&self, number: INodeNo, flags: OpenFlags) -> io::Result<()> {
        let path = self.path(number)?;
        let mode = self.attributes(&path)?.perm;
        let wanted = match flags.acc_mode() {
            OpenAccMode::O_RDONLY => &[0o444][..],
            OpenAccMode::O_WRONLY => &[0o222],
            OpenAccMode::O_RDWR => &[0o444, 0o222],
        };
        if wanted.iter().all(|bits| mode & bits != 0) {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    pub(super) fn read_at(&self, number: INodeNo, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let path = self.path(number)?;
        let size = usize::try_from(u64::from(size).min(LARGEST)).unwrap_or(0);
        if let Some(contents) = self.names().own(&path).and_then(|own| own.contents.as_ref()) {
            let rest =
                usize::try_from(offset).ok().and_then(|offset| contents.get(offset..)).unwrap_or_default();
            return Ok(rest[..size.min(rest.len())].to_vec());
        }
        let mut buffer = vec![0; size];
        let count = self.open(&path, OFlags::RDONLY)?.read_at(&mut buffer, offset)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    /// What a file holds now, or nothing where it can only be written.
    fn contents(&self, path: &Path) -> Vec<u8> {
        if let Some(contents) = self.names().own(path).and_then(|own| own.contents.clone()) {
            return contents;
        }
        let mut contents = Vec::new();
        let _ =
            self.open(path, OFlags::RDONLY).and_then(|file| file.take(LARGEST).read_to_end(&mut contents));
        contents
    }

    pub(super) fn write(&self, number: INodeNo, data: &[u8]) -> io::Result<()> {
        let path = self.path(number)?;
        if self.shown == KernelFileSystem::ProcSys && path.starts_with("net") {
            return self.open(&path, OFlags::WRONLY)?.write_all_at(data, 0);
        }
        let invalid = || io::Error::from_raw_os_error(Errno::EINVAL.code());
        let current = self.contents(&path);
        if self.shown == KernelFileSystem::Sys && path.file_name() == Some(OsStr::new("uevent")) {
            let node = path.parent().unwrap_or(&path);
            let message = message(node, &self.subsystem(node), &current, data).ok_or_else(invalid)?;
            return self.uevents.send(&message);
        }
        let contents = changed(&current, data).ok_or_else(invalid)?;
        self.names().change(path).contents = Some(contents);
        Ok(())
    }

    /// Of a device its link says it; drivers, modules and busses are of the set that they are in.
    fn subsystem(&self, node: &Path) -> String {
        let link = readlinkat(&self.lower, node.join("subsystem"), Vec::new()).ok();
        let link = link.map(|target| PathBuf::from(OsStr::from_bytes(target.as_bytes())));
        let name = link.as_deref().and_then(Path::file_name);
        let name = name.or_else(|| node.parent().and_then(Path::file_name)).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What a folder has: number, kind and name of each.
    pub(super) fn entries(&self, number: INodeNo) -> io::Result<Vec<(u64, FileType, Vec<u8>)>> {
        let path = self.path(number)?;
        let folder = self.open(&path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(folder.as_fd())? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let number = match name {
                b"." | b".." => number.0,
                _ => self.names().number(&below(&path, Path::new(OsStr::from_bytes(name)))),
            };
            entries.push((number, kind(entry.file_type()), name.to_vec()));
        }
        Ok(entries)
    }
}

fn kind(kind: rustix::fs::FileType) -> FileType {
    match kind {
        rustix::fs::FileType::Directory => FileType::Directory,
        rustix::fs::FileType::Symlink => FileType::Symlink,
        _ => FileType::RegularFile,
    }
}

fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or(0)
}

fn attributes(number: u64, stat: &Stat) -> FileAttr {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    FileAttr {
        ino: INodeNo(number),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(rustix::fs::FileType::from_raw_mode(stat.st_mode)),
        perm: permissions(stat.st_mode),
        nlink: u32::try_from(stat.st_nlink).unwrap_or(1),
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}
