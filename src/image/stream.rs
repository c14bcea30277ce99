//! The archive as a stream of blocks: members in the order they are given, read straight into the sink's buffers.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::entry::Owner;
use super::header::{self, Member};
use super::interrupt::Interrupt;
use super::members::Members;
use super::progress::Progress;
use super::source::SourceFile;
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

    /// Adds another name for the regular file that came before as `original`.
    ///
    /// # Errors
    /// When the sink takes no more.
    pub fn link(&mut self, path: &Path, owner: Owner, original: &Path) -> Result<()> {
        self.header(path, owner, Member::Link(original))
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
    /// When the sink takes no more.
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

impl<S: Sink> Members for Archive<'_, S> {
    fn directory(&mut self, path: &Path, owner: Owner) -> Result<()> {
        self.header(path, owner, Member::Directory)
    }

    fn symlink(&mut self, path: &Path, owner: Owner, target: &Path) -> Result<()> {
        self.header(path, owner, Member::Symlink(target))
    }

    fn bytes(&mut self, path: &Path, owner: Owner, content: &[u8]) -> Result<()> {
        self.header(path, owner, Member::File(content.len() as u64))?;
        self.put(content)?;
        self.pad(content.len() as u64)
    }

    fn file(&mut self, path: &Path, source: &Path, owner: impl Fn(&Metadata) -> Owner) -> Result<()> {
        let mut source = SourceFile::open(path, source)?;
        let size = source.rest();
        self.header(path, owner(source.metadata()), Member::File(size))?;
        while source.rest() > 0 {
            self.interrupt.check()?;
            let space = self.sink.space().map_err(|error| write_error(self.destination, error))?;
            let count = source.read(space)?;
            self.sink.advance(count);
            self.progress.add(count as u64);
        }
        source.finish()?;
        self.pad(size)
    }
}

/// The error of a failed write to `path`.
pub(crate) fn write_error(path: &Path, source: io::Error) -> ImageError {
    ImageError::Write { path: path.to_owned(), source }
}
