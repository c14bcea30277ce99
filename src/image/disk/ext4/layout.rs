//! The superblock and the groups of an empty ext4: read from what mke2fs has made, given out from the front, written back.
//!
//! Offsets are those of the kernel's `struct ext4_super_block` and `struct ext4_group_desc`.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use super::super::device::BlockDevice;
use super::checksum::Checksum;
use super::hash::NameHash;

/// The size of a block, of the file system as of memory.
pub const BLOCK: usize = 4096;
/// [`BLOCK`] where it counts bytes of the disk.
pub const BLOCK_BYTES: u64 = BLOCK as u64;

const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_SIZE: usize = 1024;
const DESCRIPTOR: usize = 64;
const INODE: u64 = 256;
/// The first inode that is not the file system's own; `/lost+found` is this one.
const FIRST_INODE: u32 = 11;

/// Features that are needed here: 64bit, extents, checksums.
const INCOMPAT_EXTENTS: u32 = 0x40;
const INCOMPAT_64BIT: u32 = 0x80;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

const INODES_UNUSED: u16 = 0x1;
const BITMAP_UNUSED: u16 = 0x2;
const INODES_ZEROED: u16 = 0x4;

/// Where a group's own blocks are, and what is free in it.
#[derive(Clone, Copy, Debug)]
struct Group {
    block_bitmap: u64,
    inode_bitmap: u64,
    inode_table: u64,
    free_blocks: u32,
    used_inodes: u32,
    directories: u32,
    flags: u16,
    /// Of both bitmaps.
    checksums: [u32; 2],
}

/// The file system's numbers, with a cursor behind the blocks and inodes that are taken.
#[derive(Debug)]
pub struct DiskLayout {
    superblock: Vec<u8>,
    groups: Vec<Group>,
    blocks: u64,
    blocks_per_group: u32,
    inodes_per_group: u32,
    /// Of the groups that something was taken from.
    bitmaps: BTreeMap<usize, Vec<u8>>,
    cursor: u64,
    next_inode: u32,
    /// What all checksums start with.
    seed: Checksum,
}

impl DiskLayout {
    /// Reads what mke2fs has written.
    ///
    /// # Errors
    /// When it cannot be read, or has features that are not known here.
    pub fn read(device: &impl BlockDevice) -> io::Result<Self> {
        let mut superblock = vec![0; SUPERBLOCK_SIZE];
        device.read_at(&mut superblock, SUPERBLOCK)?;
        let number = |at| u32_at(&superblock, at);
        let has = |at, bits| number(at) & bits == bits;
        let fits = u16_at(&superblock, 0x38) == 0xef53
            && number(0x18) == 2
            && u64::from(u16_at(&superblock, 0x58)) == INODE
            && usize::from(u16_at(&superblock, 0xfe)) == DESCRIPTOR
            && number(0x54) == FIRST_INODE
            && has(0x60, INCOMPAT_EXTENTS | INCOMPAT_64BIT)
            && !has(0x60, INCOMPAT_CSUM_SEED)
            && has(0x64, RO_COMPAT_METADATA_CSUM);
        if !fits {
            return Err(io::Error::other("mke2fs has made another ext4 than was asked for"));
        }
        let blocks = u64::from(number(0x150)) << 32 | u64::from(number(0x4));
        let (blocks_per_group, inodes_per_group) = (number(0x20), number(0x28));
        let seed = Checksum::START.with(&superblock[0x68..0x78]);
        let count = usize::try_from(blocks.div_ceil(blocks_per_group.into())).map_err(io::Error::other)?;
        let mut descriptors = vec![0; count * DESCRIPTOR];
        device.read_at(&mut descriptors, BLOCK_BYTES)?;
        let (descriptors, _) = descriptors.as_chunks::<DESCRIPTOR>();
        let groups = descriptors.iter().map(|bytes| Group::parse(bytes, inodes_per_group)).collect();
        Ok(Self {
            superblock,
            groups,
            blocks,
            blocks_per_group,
            inodes_per_group,
            bitmaps: BTreeMap::new(),
            cursor: 0,
            next_inode: FIRST_INODE + 1,
            seed,
        })
    }

    /// How names are hashed here.
    #[must_use]
    pub fn name_hash(&self) -> NameHash {
        let seed = [0xec, 0xf0, 0xf4, 0xf8].map(|at| u32_at(&self.superblock, at));
        NameHash { seed, signed: u32_at(&self.superblock, 0x160) & 1 != 0 }
    }

    /// What an inode's checksums start with; its generation is 0.
    #[must_use]
    pub fn inode_seed(&self, inode: u32) -> Checksum {
        self.seed.with(&inode.to_le_bytes()).with(&0_u32.to_le_bytes())
    }

    /// Where on the disk an inode is.
    #[must_use]
    pub fn inode_offset(&self, inode: u32) -> u64 {
        let (group, index) = self.inode_place(inode);
        self.groups[group].inode_table * BLOCK_BYTES + u64::from(index) * INODE
    }

    /// Takes the next inode.
    ///
    /// # Errors
    /// When there is none left.
    pub fn take_inode(&mut self, directory: bool) -> io::Result<u32> {
        let inode = self.next_inode;
        let (group, index) = self.inode_place(inode);
        let Some(group) = self.groups.get_mut(group) else { return Err(full("inode")) };
        group.flags &= !INODES_UNUSED;
        group.used_inodes = index + 1;
        group.directories += u32::from(directory);
        self.next_inode += 1;
        Ok(inode)
    }

    /// Takes the next `count` free blocks, as runs that each lie within a group.
    ///
    /// # Errors
    /// When there are not as many, or a bitmap cannot be read.
    pub fn take_blocks(&mut self, device: &impl BlockDevice, mut count: u64) -> io::Result<Vec<Range<u64>>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        let per_group = u64::from(self.blocks_per_group);
        while count > 0 {
            if self.cursor >= self.blocks {
                return Err(full("block"));
            }
            let number = usize::try_from(self.cursor / per_group).map_err(io::Error::other)?;
            let start = number as u64 * per_group;
            let end = self.blocks.min(start + per_group);
            if self.groups[number].free_blocks == 0 {
                self.cursor = end;
                continue;
            }
            let bitmap = self.bitmap(device, number)?;
            let is_free = |block: u64| {
                let bit = usize::try_from(block - start).unwrap_or_default();
                bitmap[bit / 8] & 1 << (bit % 8) == 0
            };
            let Some(first) = (self.cursor..end).find(|block| is_free(*block)) else {
                self.cursor = end;
                continue;
            };
            let last = (first..end.min(first + count)).take_while(|block| is_free(*block)).last();
            let run = first..last.unwrap_or(first) + 1;
            let bitmap = self.bitmaps.entry(number).or_insert(bitmap);
            for block in run.clone() {
                let bit = usize::try_from(block - start).unwrap_or_default();
                bitmap[bit / 8] |= 1 << (bit % 8);
            }
            let taken = run.end - run.start;
            let group = &mut self.groups[number];
            group.free_blocks -= u32::try_from(taken).map_err(io::Error::other)?;
            group.flags &= !BITMAP_UNUSED;
            count -= taken;
            self.cursor = run.end;
            match runs.last_mut() {
                Some(before) if before.end == run.start && run.start != start => before.end = run.end,
                _ => runs.push(run),
            }
        }
        Ok(runs)
    }

    /// Writes bitmaps, descriptors and superblock.
    ///
    /// # Errors
    /// When the device takes no more.
    pub fn write(mut self, device: &mut impl BlockDevice) -> io::Result<()> {
        for (&number, bitmap) in &self.bitmaps {
            let group = &mut self.groups[number];
            device.write_at(bitmap, group.block_bitmap * BLOCK_BYTES)?;
            group.checksums[0] = self.seed.with(&bitmap[..self.blocks_per_group as usize / 8]).value();
        }
        let inode_bytes = self.inodes_per_group as usize / 8;
        let used_groups = self.groups.iter_mut().take_while(|group| group.flags & INODES_UNUSED == 0);
        for group in used_groups {
            let used = group.used_inodes as usize;
            let mut bitmap = vec![0; inode_bytes];
            bitmap[..used / 8].fill(0xff);
            if !used.is_multiple_of(8) {
                bitmap[used / 8] = (1 << (used % 8)) - 1;
            }
            group.checksums[1] = self.seed.with(&bitmap).value();
            bitmap.resize(BLOCK, 0xff);
            device.write_at(&bitmap, group.inode_bitmap * BLOCK_BYTES)?;
        }
        let mut descriptors = vec![0; self.groups.len() * DESCRIPTOR];
        device.read_at(&mut descriptors, BLOCK_BYTES)?;
        for (number, (bytes, group)) in descriptors.chunks_mut(DESCRIPTOR).zip(&self.groups).enumerate() {
            group.write(bytes, number, self.inodes_per_group, self.seed);
        }
        device.write_at(&descriptors, BLOCK_BYTES)?;

        let free_blocks: u64 = self.groups.iter().map(|group| u64::from(group.free_blocks)).sum();
        let used_inodes: u32 = self.groups.iter().map(|group| group.used_inodes).sum();
        let free_inodes = u32_at(&self.superblock, 0) - used_inodes;
        put_halves(&mut self.superblock, [0xc, 0x158], free_blocks);
        self.superblock[0x10..0x14].copy_from_slice(&free_inodes.to_le_bytes());
        let checksum = Checksum::START.with(&self.superblock[..0x3fc]).value();
        self.superblock[0x3fc..].copy_from_slice(&checksum.to_le_bytes());
        device.write_at(&self.superblock, SUPERBLOCK)
    }

    /// The group of an inode, and its number in it from 0.
    fn inode_place(&self, inode: u32) -> (usize, u32) {
        ((inode - 1) as usize / self.inodes_per_group as usize, (inode - 1) % self.inodes_per_group)
    }

    /// Which blocks of a group are taken: one bit each.
    fn bitmap(&self, device: &impl BlockDevice, number: usize) -> io::Result<Vec<u8>> {
        if let Some(bitmap) = self.bitmaps.get(&number) {
            return Ok(bitmap.clone());
        }
        let group = self.groups[number];
        let mut bitmap = vec![0; BLOCK];
        if group.flags & BITMAP_UNUSED == 0 {
            device.read_at(&mut bitmap, group.block_bitmap * BLOCK_BYTES)?;
        } else {
            // Nothing but the copies of superblock and descriptors, if it has them: no group without a bitmap has the
            // bitmaps or inodes of another.
            let taken = self.blocks_per_group - group.free_blocks;
            (0..taken as usize).for_each(|bit| bitmap[bit / 8] |= 1 << (bit % 8));
        }
        Ok(bitmap)
    }
}

impl Group {
    fn parse(bytes: &[u8; DESCRIPTOR], inodes_per_group: u32) -> Self {
        let whole = |low, high| u64::from(u32_at(bytes, high)) << 32 | u64::from(u32_at(bytes, low));
        let half = |low, high| u32::from(u16_at(bytes, high)) << 16 | u32::from(u16_at(bytes, low));
        Self {
            block_bitmap: whole(0x0, 0x20),
            inode_bitmap: whole(0x4, 0x24),
            inode_table: whole(0x8, 0x28),
            free_blocks: half(0xc, 0x2c),
            used_inodes: inodes_per_group - half(0xe, 0x2e),
            directories: half(0x10, 0x30),
            flags: u16_at(bytes, 0x12),
            checksums: [half(0x18, 0x38), half(0x1a, 0x3a)],
        }
    }

    fn write(&self, bytes: &mut [u8], number: usize, inodes_per_group: u32, seed: Checksum) {
        let free_inodes = inodes_per_group - self.used_inodes;
        put_halves(bytes, [0xc, 0x2c], self.free_blocks);
        put_halves(bytes, [0xe, 0x2e], free_inodes);
        put_halves(bytes, [0x10, 0x30], self.directories);
        // The inodes that follow the last one in use were never written: the disk is zero there, and says so.
        bytes[0x12..0x14].copy_from_slice(&(self.flags | INODES_ZEROED).to_le_bytes());
        put_halves(bytes, [0x18, 0x38], self.checksums[0]);
        put_halves(bytes, [0x1a, 0x3a], self.checksums[1]);
        put_halves(bytes, [0x1c, 0x32], free_inodes);
        bytes[0x1e..0x20].fill(0);
        // More groups than fit in 32 bits are more than the 64 TiB of a virtual disk.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let [low, high, ..] = seed.with(&number.to_le_bytes()).with(bytes).value().to_le_bytes();
        bytes[0x1e..0x20].copy_from_slice(&[low, high]);
    }
}

/// A number whose lower and upper half are at two places.
fn put_halves<T: Halves>(bytes: &mut [u8], places: [usize; 2], number: T) {
    for (at, half) in places.into_iter().zip(number.halves()) {
        bytes[at..at + half.len()].copy_from_slice(&half);
    }
}

trait Halves {
    /// The lower and the upper half, in the disk's order of bytes.
    fn halves(self) -> [Vec<u8>; 2];
}

impl Halves for u32 {
    fn halves(self) -> [Vec<u8>; 2] {
        let bytes = self.to_le_bytes();
        [bytes[..2].to_vec(), bytes[2..].to_vec()]
    }
}

impl Halves for u64 {
    fn halves(self) -> [Vec<u8>; 2] {
        let bytes = self.to_le_bytes();
        [bytes[..4].to_vec(), bytes[4..].to_vec()]
    }
}

fn full(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, format!("the file system has no {what} left"))
}

/// The 16-bit number at `at`.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The 32-bit number at `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
