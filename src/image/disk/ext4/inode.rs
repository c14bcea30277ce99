//! Inodes: what stands at a path, and where its content is.
//!
//! Offsets are those of the kernel's `struct ext4_inode`, `struct ext4_extent_header` and `struct ext4_extent`.

use std::io;
use std::ops::Range;

use super::super::device::BlockDevice;
use super::layout::{BLOCK, BLOCK_BYTES, DiskLayout};
use crate::image::entry::Owner;

const SIZE: usize = 256;
/// What the inode itself has room for: a link's target, or four extents.
const INLINE: usize = 60;
const EXTENTS_INLINE: usize = 4;
const EXTENTS_A_BLOCK: usize = (BLOCK - 12 - 4) / 12;
/// More blocks than that no extent has.
const EXTENT_LENGTH: u64 = 1 << 15;

const EXTENTS: u32 = 0x8_0000;
const INDEX: u32 = 0x1000;
/// Seconds since 1970: the store's own time, as in the archive.
const TIME: u32 = 1;
/// More links than that a directory has not counted (`EXT4_LINK_MAX`); 1 says so.
const MOST_LINKS: u32 = 65_000;

/// What an inode is.
#[derive(Clone, Copy, Debug)]
pub enum InodeKind<'a> {
    /// A directory with this many directories in it, and whether it has an index.
    Directory {
        /// Directories in it.
        directories: u32,
        /// Whether its first block is the root of an index.
        indexed: bool,
    },
    /// A regular file.
    File,
    /// A symbolic link, with its target where that fits in here.
    Symlink(Option<&'a [u8]>),
}

/// An inode that is written.
#[derive(Debug)]
pub struct Inode<'a> {
    /// Its number.
    pub number: u32,
    /// Bits and owner.
    pub owner: Owner,
    /// What it is.
    pub kind: InodeKind<'a>,
    /// Bytes of its content.
    pub size: u64,
    /// The blocks of its content, in its order.
    pub blocks: Vec<Range<u64>>,
}

/// Whether a link's target is kept in its inode.
#[must_use]
pub fn is_inline(target: &[u8]) -> bool {
    target.len() < INLINE
}

impl Inode<'_> {
    /// Writes the inode, and the blocks that hold its extents where it has many.
    ///
    /// # Errors
    /// When the disk takes no more, or the content is in more pieces than a tree of two levels holds.
    pub fn write(&self, device: &mut impl BlockDevice, layout: &mut DiskLayout) -> io::Result<()> {
        let mut bytes = [0; SIZE];
        let (kind, flags, links) = match self.kind {
            InodeKind::Directory { directories, indexed } => {
                let links = directories.saturating_add(2);
                (0o04_0000, if indexed { EXTENTS | INDEX } else { EXTENTS }, links)
            }
            InodeKind::File => (0o10_0000, EXTENTS, 1),
            InodeKind::Symlink(Some(_)) => (0o12_0000, 0, 1),
            InodeKind::Symlink(None) => (0o12_0000, EXTENTS, 1),
        };
        let links = if links > MOST_LINKS { 1 } else { links };
        let Owner { mode, uid, gid } = self.owner;
        let mut content: u64 = self.blocks.iter().map(|run| run.end - run.start).sum();
        let root = match self.kind {
            InodeKind::Symlink(Some(target)) => target.to_vec(),
            _ => self.extents(device, layout, &mut content)?,
        };
        let sectors = content * (BLOCK_BYTES / 512);
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let half = |number: u32, upper: bool| {
            let [a, b, c, d] = number.to_le_bytes();
            if upper { [c, d] } else { [a, b] }
        };
        put(0x0, &half(kind | mode, false));
        put(0x2, &half(uid, false));
        put(0x78, &half(uid, true));
        put(0x18, &half(gid, false));
        put(0x7a, &half(gid, true));
        put(0x4, &self.size.to_le_bytes()[..4]);
        put(0x6c, &self.size.to_le_bytes()[4..]);
        put(0x1a, &half(links, false));
        put(0x1c, &sectors.to_le_bytes()[..4]);
        put(0x74, &sectors.to_le_bytes()[4..6]);
        put(0x20, &flags.to_le_bytes());
        put(0x28, &root);
        // Access, change of the inode, of the content; creation.
        for at in [0x8, 0xc, 0x10, 0x90] {
            put(at, &TIME.to_le_bytes());
        }
        // The length of what follows the first 128 bytes.
        put(0x80, &32_u16.to_le_bytes());
        let checksum = layout.inode_seed(self.number).with(&bytes).value();
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0x7c, &half(checksum, false));
        put(0x82, &half(checksum, true));
        device.write_at(&bytes, layout.inode_offset(self.number))
    }

    /// The root of the extent tree; `content` counts the blocks of its leaves too.
    fn extents(
        &self,
        device: &mut impl BlockDevice,
        layout: &mut DiskLayout,
        content: &mut u64,
    ) -> io::Result<Vec<u8>> {
        let mut logical = 0;
        let mut extents = Vec::new();
        for run in &self.blocks {
            let mut start = run.start;
            while start < run.end {
                let length = (run.end - start).min(EXTENT_LENGTH);
                extents.push(extent(logical, length, start)?);
                logical += length;
                start += length;
            }
        }
        if extents.len() <= EXTENTS_INLINE {
            return Ok(node(&extents, EXTENTS_INLINE, 0));
        }
        let leaves: Vec<_> = extents.chunks(EXTENTS_A_BLOCK).collect();
        if leaves.len() > EXTENTS_INLINE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a file is in too many pieces"));
        }
        let mut indices = Vec::new();
        for leaf in leaves {
            let block = layout
                .take_blocks(device, 1)?
                .first()
                .map(|run| run.start)
                .ok_or(io::ErrorKind::StorageFull)?;
            let mut bytes = node(leaf, EXTENTS_A_BLOCK, 0);
            let checksum = layout.inode_seed(self.number).with(&bytes).value();
            bytes.extend(checksum.to_le_bytes());
            bytes.resize(BLOCK, 0);
            device.write_at(&bytes, block * BLOCK_BYTES)?;
            let mut index = leaf[0][..4].to_vec();
            // Lower and upper part of the block's number, which follow each other here.
            index.extend(block.to_le_bytes());
            indices.push(index.try_into().unwrap_or_default());
            *content += 1;
        }
        Ok(node(&indices, EXTENTS_INLINE, 1))
    }
}

/// An extent: the place in the content, the length and the place on the disk, in blocks.
fn extent(logical: u64, length: u64, start: u64) -> io::Result<[u8; 12]> {
    let mut bytes = [0; 12];
    let logical = u32::try_from(logical)
        .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a file of more than 16 TiB"))?;
    bytes[..4].copy_from_slice(&logical.to_le_bytes());
    bytes[4..6].copy_from_slice(&length.to_le_bytes()[..2]);
    bytes[6..8].copy_from_slice(&start.to_le_bytes()[4..6]);
    bytes[8..].copy_from_slice(&start.to_le_bytes()[..4]);
    Ok(bytes)
}

/// A node of an extent tree with room for `most` entries, `depth` levels above the leaves.
fn node(entries: &[[u8; 12]], most: usize, depth: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 * (most + 1));
    let count = |number: usize| u16::try_from(number).unwrap_or_default().to_le_bytes();
    bytes.extend(0xf30a_u16.to_le_bytes());
    bytes.extend(count(entries.len()));
    bytes.extend(count(most));
    bytes.extend(depth.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(entries.as_flattened());
    bytes.resize(12 * (most + 1), 0);
    bytes
}
