//! The archive as a stream of blocks: members in the order they are given, read straight into the sink's buffers.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::entry::Owner;
use super::header::{self, Member};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::tree::absolute;
use super::{ImageError, Result};

/// What a file system gives out at a time.
const DISK_BLOCK: u64 = 4096;

/// Where the archive's bytes go. The sink owns the buffers, so that contents are read into them without a copy.
pub trait Sink {
    /// Room for at least one byte.
    ///
    /// # Errors
    /// When what is behind the sink takes no more.
    fn space(&mut self) -> io::Result<&mut [u8]>;

    /// Says that the first `count` bytes of the room are filled.
    fn advance(&mut self, count: usize);

    /// Copies `bytes` into the sink.
    ///
    /// # Errors
    /// As [`Sink::space`].
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let space = self.space()?;
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            self.advance(count);
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

/// The error of a sink whose other side is gone; that side knows the cause.
#[must_use]
pub fn closed() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// An archive that is being written.
pub struct Archive<'a, S> {
    sink: &'a mut S,
    /// The file it goes to, for messages.
    destination: &'a Path,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    headers: Vec<u8>,
    members: u64,
    disk: u64,
}

impl<'a, S: Sink> Archive<'a, S> {
    /// An archive that goes to `sink`.
    pub fn new(
        sink: &'a mut S,
        destination: &'a Path,
        progress: &'a Progress,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { sink, destination, progress, interrupt, headers: Vec::new(), members: 0, disk: 0 }
    }

    /// Adds a directory; `path` is relative to the root, here as below.
    ///
    /// # Errors
    /// When the sink takes no more; so for every member.
    pub fn directory(&mut self, path: &Path, owner: Owner) -> Result<()> {
        self.header(path, owner, Member::Directory)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`Archive::directory`].
    pub fn symlink(&mut self, path: &Path, owner: Owner, target: &Path) -> Result<()> {
        self.header(path, owner, Member::Symlink(target))
    }

    /// Adds another name for the regular file that came before as `original`.
    ///
    /// # Errors
    /// As [`Archive::directory`].
    pub fn link(&mut self, path: &Path, owner: Owner, original: &Path) -> Result<()> {
        self.header(path, owner, Member::Link(original))
    }

    /// Adds a file with this content.
    ///
    /// # Errors
    /// As [`Archive::directory`].
    pub fn bytes(&mut self, path: &Path, owner: Owner, content: &[u8]) -> Result<()> {
        self.header(path, owner, Member::File(content.len() as u64))?;
        self.put(content)?;
        self.pad(content.len() as u64)
    }

    /// Adds a file with the content of the one at `source`; `owner` is made from what that one is.
    ///
    /// # Errors
    /// As [`Archive::directory`]; and when the source cannot be read or is changed meanwhile.
    pub fn file(&mut self, path: &Path, source: &Path, owner: impl Fn(&Metadata) -> Owner) -> Result<()> {
        let unreadable = |error: io::Error| ImageError::source(&absolute(path), source, error);
        let changed = |problem: String| ImageError::Changed {
            entry: absolute(path).display().to_string(),
            source_path: source.to_owned(),
            problem,
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut file: File =
            rustix::fs::open(source, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?.into();
        let before = file.metadata().map_err(unreadable)?;
        if !before.is_file() {
            return Err(changed("it is no regular file any more".to_owned()));
        }
        let size = before.size();
        self.header(path, owner(&before), Member::File(size))?;
        let mut rest = size;
        while rest > 0 {
            self.interrupt.check()?;
            let space = self.sink.space().map_err(|error| write_error(self.destination, error))?;
            let room = space.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
            match file.read(&mut space[..room]) {
                Ok(0) => return Err(changed(format!("it is {rest} bytes shorter than its {size}"))),
                Ok(count) => {
                    self.sink.advance(count);
                    self.progress.add(count as u64);
                    rest -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        let after = file.metadata().map_err(unreadable)?;
        let time = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
        if after.size() != size {
            return Err(changed(format!("its size went from {size} to {}", after.size())));
        }
        if time(&after) != time(&before) {
            return Err(changed("it was written to".to_owned()));
        }
        self.pad(size)
    }

    /// Where the bytes go.
    pub fn sink(&mut self) -> &mut S {
        self.sink
    }

    /// Bytes that the members so far take on a disk with blocks of 4 KiB, each member rounded up.
    #[must_use]
    pub fn disk(&self) -> u64 {
        self.disk
    }

    /// Ends the archive and gives the number of its members.
    ///
    /// # Errors
    /// As [`Archive::directory`].
    pub fn finish(mut self) -> Result<u64> {
        self.put(&header::end())?;
        Ok(self.members)
    }

    /// Writes a member's header.
    fn header(&mut self, path: &Path, owner: Owner, member: Member) -> Result<()> {
        self.interrupt.check()?;
        self.members += 1;
        self.disk += match member {
            Member::File(size) => size.next_multiple_of(DISK_BLOCK),
            // ext4 keeps shorter targets in the inode.
            Member::Symlink(target) if target.as_os_str().len() < 60 => 0,
            Member::Directory | Member::Symlink(_) => DISK_BLOCK,
            Member::Link(_) => 0,
        };
        self.headers.clear();
        header::append(&mut self.headers, path, owner, member);
        self.sink.put(&self.headers).map_err(|error| write_error(self.destination, error))
    }

    /// Fills the last block of a content of `size` bytes.
    fn pad(&mut self, size: u64) -> Result<()> {
        self.put(&[0; header::BLOCK][..header::padding(size)])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.put(bytes).map_err(|error| write_error(self.destination, error))
    }
}

/// The error of a failed write to `path`.
pub(crate) fn write_error(path: &Path, source: io::Error) -> ImageError {
    ImageError::Write { path: path.to_owned(), source }
}
