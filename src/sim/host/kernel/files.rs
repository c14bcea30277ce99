//! A file system (FUSE) that shows one of the kernel's and keeps to itself what is written into it.

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenAccMode, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    Session, SessionACL, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsconfig_set_flag, fsmount,
    fsopen, mount,
};

use crate::sim::host::kernel::attribute::changed;
use crate::sim::host::kernel::uevent::{Sender, message};

/// How long the kernel believes what it was told of a name: devices come and go.
const TTL: Duration = Duration::from_millis(100);
/// More than any setting, and what one request may ask for.
const LARGEST: u64 = 1 << 20;
/// Settings whose reading waits for something must not hold up the others.
const THREADS: usize = 4;

/// Which of the kernel's file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// `/sys`, with the network devices of this network namespace.
    Sys,
    /// `/proc/sys`. `net` in it is this network namespace's own, and is written into.
    ProcSys,
}

/// Mounts a view on a directory; it lasts as long as this process.
///
/// # Errors
///
/// The kernel has no FUSE, or gives it not.
pub fn show(shown: Shown, target: &Path) -> io::Result<()> {
    let device = File::options().read(true).write(true).open("/dev/fuse")?;
    let filesystem = KernelFiles {
        shown,
        lower: lower(shown)?,
        uevents: Sender::new()?,
        state: Mutex::new(State::default()),
    };
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
    let options = format!(
        "fd={},rootmode=40555,user_id=0,group_id=0,allow_other,default_permissions",
        device.as_raw_fd()
    );
    let (kind, options) = match shown {
        Shown::Sys => ("fuse.sysfs", CString::new(options)?),
        Shown::ProcSys => ("fuse.proc", CString::new(options)?),
    };
    mount("wsl-sim", target, kind, flags, options.as_c_str())?;
    let mut config = Config::default();
    config.acl = SessionACL::All;
    config.n_threads = Some(THREADS);
    let session = Session::from_fd(filesystem, device.into(), SessionACL::All, config)?;
    // Nobody joins it: it ends with the process.
    session.spawn()?;
    Ok(())
}

/// The kernel's own, mounted nowhere. A read-only file system, not only a mount: this network namespace's other mounts of it
/// are so too.
fn lower(shown: Shown) -> io::Result<OwnedFd> {
    let kind = if shown == Shown::Sys { "sysfs" } else { "proc" };
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    if shown == Shown::Sys {
        fsconfig_set_flag(&context, "ro")?;
    }
    fsconfig_create(&context)?;
    let top = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    match shown {
        Shown::Sys => Ok(top),
        Shown::ProcSys => {
            Ok(openat(&top, "sys", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
        }
    }
}

struct KernelFiles {
    shown: Shown,
    lower: OwnedFd,
    uevents: Sender,
    state: Mutex<State>,
}

/// What of a file is no longer the kernel's.
#[derive(Default)]
struct Own {
    contents: Option<Vec<u8>>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

/// Numbers are never taken back: there are some ten thousand names.
#[derive(Default)]
struct State {
    paths: Vec<PathBuf>,
    numbers: HashMap<PathBuf, u64>,
    own: HashMap<PathBuf, Own>,
}

impl State {
    /// The root is 1 and no entry; the others follow.
    fn number(&mut self, path: &Path) -> u64 {
        if path == Path::new(".") {
            return 1;
        }
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        self.paths.push(path.to_owned());
        let number = self.paths.len() as u64 + 1;
        self.numbers.insert(path.to_owned(), number);
        number
    }

    fn path(&self, number: u64) -> Option<PathBuf> {
        match number {
            1 => Some(".".into()),
            _ => self.paths.get(usize::try_from(number).ok()?.checked_sub(2)?).cloned(),
        }
    }
}

impl KernelFiles {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: INodeNo) -> io::Result<PathBuf> {
        self.state().path(number.0).ok_or_else(|| Errno::ENOENT.code()).map_err(io::Error::from_raw_os_error)
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
        Ok(openat(&self.lower, path, flags, Mode::empty())?.into())
    }

    fn attributes(&self, path: &Path) -> io::Result<FileAttr> {
        let stat = statat(&self.lower, path, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut state = self.state();
        let number = state.number(path);
        let mut attributes = attributes(number, &stat);
        if let Some(own) = state.own.get(path) {
            attributes.perm = own.mode.map_or(attributes.perm, permissions);
            attributes.uid = own.uid.unwrap_or(attributes.uid);
            attributes.gid = own.gid.unwrap_or(attributes.gid);
        }
        Ok(attributes)
    }

    fn child(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let parent = self.path(parent)?;
        let path = if parent == Path::new(".") { name.into() } else { parent.join(name) };
        self.attributes(&path)
    }

    /// The kernel looks at the bits of root's files too: who may override them gets no farther.
    fn may_open(&self, number: INodeNo, flags: OpenFlags) -> io::Result<()> {
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

    fn read_at(&self, number: INodeNo, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let path = self.path(number)?;
        let size = usize::try_from(u64::from(size).min(LARGEST)).unwrap_or(0);
        if let Some(contents) = self.state().own.get(&path).and_then(|own| own.contents.as_ref()) {
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
        if let Some(contents) = self.state().own.get(path).and_then(|own| own.contents.clone()) {
            return contents;
        }
        let mut contents = Vec::new();
        let _ =
            self.open(path, OFlags::RDONLY).and_then(|file| file.take(LARGEST).read_to_end(&mut contents));
        contents
    }

    fn write(&self, number: INodeNo, data: &[u8]) -> io::Result<()> {
        let path = self.path(number)?;
        if self.shown == Shown::ProcSys && path.starts_with("net") {
            return self.open(&path, OFlags::WRONLY)?.write_all_at(data, 0);
        }
        let invalid = || io::Error::from_raw_os_error(Errno::EINVAL.code());
        let current = self.contents(&path);
        if self.shown == Shown::Sys && path.file_name() == Some(OsStr::new("uevent")) {
            let node = path.parent().unwrap_or(&path);
            let message = message(node, &self.subsystem(node), &current, data).ok_or_else(invalid)?;
            return self.uevents.send(&message);
        }
        let contents = changed(&current, data).ok_or_else(invalid)?;
        self.state().own.entry(path).or_default().contents = Some(contents);
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

    fn names(&self, number: INodeNo) -> io::Result<Vec<(u64, FileType, Vec<u8>)>> {
        let path = self.path(number)?;
        let folder = self.open(&path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(folder.as_fd())? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let own = if name == b"." || name == b".." || path == Path::new(".") {
                PathBuf::from(OsStr::from_bytes(name))
            } else {
                path.join(OsStr::from_bytes(name))
            };
            let number = if name.starts_with(b".") { number.0 } else { self.state().number(&own) };
            names.push((number, kind(entry.file_type()), name.to_vec()));
        }
        Ok(names)
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

impl Filesystem for KernelFiles {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.child(parent, name) {
            Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            Err(error) => reply.error(error.into()),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.path(number).and_then(|path| self.attributes(&path)) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(error.into()),
        }
    }

    /// Modes and owners are kept; a new length means nothing to a setting.
    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        _size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let attributes = self.path(number).and_then(|path| {
            if mode.is_some() || uid.is_some() || gid.is_some() {
                let mut state = self.state();
                let own = state.own.entry(path.clone()).or_default();
                own.mode = mode.or(own.mode);
                own.uid = uid.or(own.uid);
                own.gid = gid.or(own.gid);
            }
            self.attributes(&path)
        });
        match attributes {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(error.into()),
        }
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let target = self.path(number).and_then(|path| Ok(readlinkat(&self.lower, path, Vec::new())?));
        match target {
            Ok(target) => reply.data(target.as_bytes()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn open(&self, _: &Request, number: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.may_open(number, flags) {
            // The kernel knows no length of them, and keeps nothing.
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(_) => reply.error(Errno::EACCES),
        }
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_at(number, offset, size) {
            Ok(data) => reply.data(&data),
            Err(error) => reply.error(error.into()),
        }
    }

    /// Wherever in the file it is written: each write is a new value.
    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        _: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write(number, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error.into()),
        }
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let names = match self.names(number) {
            Ok(names) => names,
            Err(error) => return reply.error(error.into()),
        };
        for (index, (number, kind, name)) in
            names.into_iter().enumerate().skip(usize::try_from(offset).unwrap_or(0))
        {
            if reply.add(INodeNo(number), index as u64 + 1, kind, OsStr::from_bytes(&name)) {
                break;
            }
        }
        reply.ok();
    }
}
