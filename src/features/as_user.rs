//! Reads what a user controls with that user's rights: the links, FIFOs and file systems that are met on the way are theirs.
//!
//! A child process gives root's rights up for good and writes what it reads into a pipe. The parent waits no longer than
//! its limit and takes the bytes for what they are: the user's.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::process::{Signal, WaitOptions, pidfd_send_signal, set_parent_process_death_signal, waitpid};
use rustix::thread::set_no_new_privs;

use crate::namespace::privileges::{UserIds, drop_to};
use crate::sys::namespace::{Namespaces, split};
use crate::system::error::{Context, Failure};
use crate::system::wait;

const STORE: &str = "/nix/store/";

/// Runs `work` as `who` in a process of its own and gives what it writes to `receive`. The process has no supplementary
/// groups and lives no longer than `patience`.
///
/// # Errors
/// No process could be made, its rights could not be given up, `work` or `receive` failed, or the time was over.
pub fn read<T>(
    who: UserIds,
    patience: Duration,
    work: impl FnOnce(&mut PipeWriter) -> io::Result<()>,
    receive: impl FnOnce(&mut dyn Read) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (reader, mut writer) = io::pipe().doing("make a pipe")?;
    let Some((pid, process)) = split(Namespaces::Inherited, None).doing("make a process")? else {
        drop(reader);
        let done = give_up(who).and_then(|()| work(&mut writer));
        std::process::exit(i32::from(done.is_err()));
    };
    drop(writer);
    let received = receive(&mut Bounded::new(reader, patience));
    if received.is_err() {
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }
    let ended = waitpid(Some(pid), WaitOptions::empty()).doing("wait for the reader")?;
    let received = received?;
    match ended {
        Some((_, status)) if status.exit_status() == Some(0) => Ok(received),
        _ => Err(Failure::new("", "", io::Error::other(format!("reading as user {} failed", who.uid)))),
    }
}

/// What is the user's must not even be found by way of root's groups or by programs with a setuid bit.
fn give_up(who: UserIds) -> io::Result<()> {
    drop_to(who, Some(&[]))?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(set_no_new_privs(true)?)
}

/// A pipe that is read until a point in time.
struct Bounded {
    pipe: PipeReader,
    deadline: Instant,
}

impl Bounded {
    /// To be read for so long from now on; after that each read fails with [`io::ErrorKind::TimedOut`].
    fn new(pipe: PipeReader, patience: Duration) -> Self {
        Self { pipe, deadline: Instant::now() + patience }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if wait::readable(&self.pipe, left)? {
            self.pipe.read(buffer)
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

/// Opens a regular file of the Nix store or of the user `uid`, of at most `limit` bytes. Links are followed; nothing else is
/// opened for reading, so that no FIFO is waited for and no device is touched.
#[must_use]
pub fn open(path: &Path, uid: u32, limit: u64) -> Option<File> {
    let place = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let found = fstat(&place).ok()?;
    let small = u64::try_from(found.st_size).is_ok_and(|size| size <= limit);
    let regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !(regular && small && (found.st_uid == uid || in_store(&place))) {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    openat(CWD, descriptor(&place), flags, Mode::empty()).ok().map(File::from)
}

/// Where the kernel says that an open file is.
fn in_store(file: &OwnedFd) -> bool {
    std::fs::read_link(descriptor(file))
        .is_ok_and(|path| path.as_os_str().as_encoded_bytes().starts_with(STORE.as_bytes()))
}

fn descriptor(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
