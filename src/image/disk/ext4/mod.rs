//! A root file system in an ext4: fills an empty one of mke2fs' from the front, in one pass.
//!
//! mke2fs decides on everything but the content: features, sizes, the journal, where inodes and bitmaps are. A file's
//! content follows that of the file before, and a directory's names follow what is in it, so nothing is moved or read again.
//! Kept in memory are the names in the directories that are open, and a bitmap for each 128 MiB of content.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use self::directory::{DirectoryEntry, EntryType};
use self::inode::{Inode, InodeKind};
use self::layout::{BLOCK, BLOCK_BYTES, DiskLayout};
use super::device::BlockDevice;
use crate::image::entry::Owner;
use crate::image::interrupt::Interrupt;
use crate::image::members::Members;
use crate::image::progress::Progress;
use crate::image::source::SourceFile;
use crate::image::stream::write_error;
use crate::image::{ImageError, Result};

mod checksum;
mod directory;
mod hash;
mod inode;
mod layout;

const ROOT: u32 = 2;
/// How much content is collected before it is written.
const BUFFER: usize = 1 << 20;

/// A directory of which not all is written.
#[derive(Debug)]
struct OpenDirectory {
    path: PathBuf,
    inode: u32,
    parent: u32,
    owner: Owner,
    directories: u32,
    entries: Vec<DirectoryEntry>,
    /// What mke2fs has taken for it.
    blocks: Vec<Range<u64>>,
}

/// An ext4 that is being filled.
pub struct Ext4<'a, D> {
    device: &'a mut D,
    layout: DiskLayout,
    /// From the root to the directory of the member before.
    open: Vec<OpenDirectory>,
    /// Content that is still to be written, and its first block.
    buffer: Vec<u8>,
    filled: usize,
    start: u64,
    members: u64,
    destination: &'a Path,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

impl<'a, D: BlockDevice> Ext4<'a, D> {
    /// The empty ext4 on `device`; `destination` is the file for messages.
    ///
    /// # Errors
    /// When what is there cannot be read or is no such ext4.
    pub fn open(
        device: &'a mut D,
        destination: &'a Path,
        progress: &'a Progress,
        interrupt: &'a Interrupt,
    ) -> Result<Self> {
        let fail = |error| write_error(destination, error);
        let layout = DiskLayout::read(device).map_err(fail)?;
        let blocks = root_blocks(device, &layout).map_err(fail)?;
        let lost = DirectoryEntry {
            name: b"lost+found".to_vec(),
            inode: ROOT + 9,
            entry_type: EntryType::Directory,
        };
        let root = OpenDirectory {
            path: PathBuf::new(),
            inode: ROOT,
            parent: ROOT,
            owner: Owner::root(0o755),
            directories: 1,
            entries: vec![lost],
            blocks,
        };
        Ok(Self {
            device,
            layout,
            open: vec![root],
            buffer: vec![0; BUFFER],
            filled: 0,
            start: 0,
            members: 1,
            destination,
            progress,
            interrupt,
        })
    }

    /// Writes all that is still to be written, and gives the number of members.
    ///
    /// # Errors
    /// When the disk takes no more.
    pub fn finish(mut self) -> Result<u64> {
        let destination = self.destination;
        let fail = |error| write_error(destination, error);
        while let Some(directory) = self.open.pop() {
            self.close(directory)?;
        }
        self.flush().map_err(fail)?;
        self.layout.write(self.device).map_err(fail)?;
        Ok(self.members)
    }

    /// Takes an inode for the member at `path`, and puts its name into its directory.
    fn enter(&mut self, path: &Path, entry_type: EntryType) -> Result<u32> {
        self.interrupt.check()?;
        self.members += 1;
        while self.open.len() > 1 && self.open.last().is_some_and(|open| !path.starts_with(&open.path)) {
            if let Some(directory) = self.open.pop() {
                self.close(directory)?;
            }
        }
        let is_directory = matches!(entry_type, EntryType::Directory);
        let inode = self.layout.take_inode(is_directory).map_err(|error| self.fail(error))?;
        let name = path.file_name().unwrap_or(OsStr::new("")).as_bytes().to_vec();
        let parent = self.open.last_mut().filter(|open| path.parent() == Some(&open.path));
        let Some(parent) = parent else {
            return Err(ImageError::entry(path.display().to_string(), "comes without its directory"));
        };
        if parent.inode == ROOT && name == b"lost+found" {
            return Err(ImageError::entry("/lost+found", "is the file system's own; a disk brings it"));
        }
        parent.directories += u32::from(is_directory);
        parent.entries.push(DirectoryEntry { name, inode, entry_type });
        Ok(inode)
    }

    /// Writes a directory that has all its names.
    fn close(&mut self, directory: OpenDirectory) -> Result<()> {
        let OpenDirectory { inode, parent, owner, directories, entries, mut blocks, .. } = directory;
        let (hash, seed) = (self.layout.name_hash(), self.layout.inode_seed(inode));
        let fail = |error| write_error(self.destination, error);
        let (content, indexed) = directory::blocks(inode, parent, &entries, hash, seed).map_err(fail)?;
        let have: u64 = blocks.iter().map(|run| run.end - run.start).sum();
        let missing = (content.len() as u64).saturating_sub(have);
        blocks.extend(self.layout.take_blocks(self.device, missing).map_err(fail)?);
        let places = blocks.iter().cloned().flatten().collect::<Vec<_>>();
        for (block, place) in content.iter().zip(places) {
            self.append(place, block).map_err(|error| self.fail(error))?;
        }
        let size = content.len() as u64 * BLOCK_BYTES;
        let kind = InodeKind::Directory { directories, indexed };
        self.inode(&Inode { number: inode, owner, kind, size, blocks })
    }

    /// Adds a file's or a link's content to what is to be written, and then its inode.
    fn content(&mut self, number: u32, owner: Owner, kind: InodeKind, content: &[u8]) -> Result<()> {
        let size = content.len() as u64;
        let blocks = self.take(size)?;
        let mut rest = content;
        for run in &blocks {
            let room = usize::try_from((run.end - run.start) * BLOCK_BYTES).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at(room.min(rest.len()));
            self.append(run.start, part).map_err(|error| self.fail(error))?;
            rest = after;
        }
        self.inode(&Inode { number, owner, kind, size, blocks })
    }

    /// Takes blocks for `size` bytes.
    fn take(&mut self, size: u64) -> Result<Vec<Range<u64>>> {
        let taken = self.layout.take_blocks(self.device, size.div_ceil(BLOCK_BYTES));
        taken.map_err(|error| self.fail(error))
    }

    fn inode(&mut self, inode: &Inode) -> Result<()> {
        let written = inode.write(self.device, &mut self.layout);
        written.map_err(|error| self.fail(error))
    }

    /// Adds bytes to be written from the start of `block`, filled up with zeros to a whole block.
    fn append(&mut self, block: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(block)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(BUFFER - self.filled));
            self.buffer[self.filled..self.filled + part.len()].copy_from_slice(part);
            self.filled += part.len();
            rest = after;
            self.flush_if_full()?;
        }
        self.pad()
    }

    /// Writes what is collected unless `block` follows it.
    fn seek(&mut self, block: u64) -> io::Result<()> {
        if self.start + (self.filled as u64) / BLOCK_BYTES != block {
            self.flush()?;
            self.start = block;
        }
        Ok(())
    }

    /// Fills the last block up with zeros.
    fn pad(&mut self) -> io::Result<()> {
        let end = self.filled.next_multiple_of(BLOCK);
        self.buffer[self.filled..end].fill(0);
        self.filled = end;
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.filled == BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.device.write_at(&self.buffer[..self.filled], self.start * BLOCK_BYTES)?;
        self.start += self.filled as u64 / BLOCK_BYTES;
        self.filled = 0;
        Ok(())
    }

    fn fail(&self, error: io::Error) -> ImageError {
        write_error(self.destination, error)
    }
}

impl<D: BlockDevice> Members for Ext4<'_, D> {
    fn directory(&mut self, path: &Path, owner: Owner) -> Result<()> {
        if path.as_os_str().is_empty() {
            self.open.iter_mut().take(1).for_each(|root| root.owner = owner);
            return Ok(());
        }
        let inode = self.enter(path, EntryType::Directory)?;
        let parent = self.open.last().map_or(ROOT, |open| open.inode);
        self.open.push(OpenDirectory {
            path: path.to_owned(),
            inode,
            parent,
            owner,
            directories: 0,
            entries: Vec::new(),
            blocks: Vec::new(),
        });
        Ok(())
    }

    fn symlink(&mut self, path: &Path, owner: Owner, target: &Path) -> Result<()> {
        let number = self.enter(path, EntryType::Symlink)?;
        let target = target.as_os_str().as_bytes();
        if inode::is_inline(target) {
            let (kind, size) = (InodeKind::Symlink(Some(target)), target.len() as u64);
            return self.inode(&Inode { number, owner, kind, size, blocks: Vec::new() });
        }
        self.content(number, owner, InodeKind::Symlink(None), target)
    }

    fn bytes(&mut self, path: &Path, owner: Owner, content: &[u8]) -> Result<()> {
        let number = self.enter(path, EntryType::File)?;
        self.content(number, owner, InodeKind::File, content)
    }

    fn file(&mut self, path: &Path, source: &Path, owner: impl Fn(&Metadata) -> Owner) -> Result<()> {
        let mut source = SourceFile::open(path, source)?;
        let (size, owner) = (source.rest(), owner(source.metadata()));
        let number = self.enter(path, EntryType::File)?;
        let blocks = self.take(size)?;
        for run in &blocks {
            self.seek(run.start).map_err(|error| self.fail(error))?;
            let mut room = ((run.end - run.start) * BLOCK_BYTES).min(source.rest());
            while room > 0 {
                self.interrupt.check()?;
                let most = usize::try_from(room).unwrap_or(usize::MAX).min(BUFFER - self.filled);
                let count = source.read(&mut self.buffer[self.filled..self.filled + most])?;
                self.filled += count;
                self.progress.add(count as u64);
                room -= count as u64;
                self.flush_if_full().map_err(|error| self.fail(error))?;
            }
            self.pad().map_err(|error| self.fail(error))?;
        }
        source.finish()?;
        self.inode(&Inode { number, owner, kind: InodeKind::File, size, blocks })
    }
}

/// What mke2fs has taken for the root directory: one block.
fn root_blocks(device: &impl BlockDevice, layout: &DiskLayout) -> io::Result<Vec<Range<u64>>> {
    let mut inode = [0; 128];
    device.read_at(&mut inode, layout.inode_offset(ROOT))?;
    let upper = u64::from(layout::u16_at(&inode, 0x28 + 18));
    let block = upper << 32 | u64::from(layout::u32_at(&inode, 0x28 + 20));
    if layout::u16_at(&inode, 0x28) == 0xf30a && layout::u16_at(&inode, 0x2a) == 1 && block != 0 {
        Ok(std::iter::once(block..block + 1).collect())
    } else {
        Err(io::Error::other("the root directory is not as mke2fs makes it"))
    }
}
