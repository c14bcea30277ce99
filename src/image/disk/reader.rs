//! The disk in anybody's dynamic or fixed VHDX (MS-VHDX 2.0), block by block, whatever the file says of itself.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::vhdx::{
    BAT_REGION, DISK_SIZE, FILE_PARAMETERS, FULLY_PRESENT, Guid, LOGICAL_SECTOR_SIZE, METADATA_REGION, MIB,
};

/// What a VHDX can hold (MS-VHDX 1.1).
const LARGEST_DISK: u64 = 64 << 40;
const TABLE_LENGTH: usize = 64 << 10;
/// Entries of a table of 64 KiB.
const MOST_ENTRIES: usize = 2047;

/// Why a VHDX is not read.
#[derive(Debug, thiserror::Error)]
pub enum BadDisk {
    /// It is not as the format has it.
    #[error("is a damaged VHDX: {0}")]
    Damaged(&'static str),
    /// It is, and is none that WSL imports, or that is read here.
    #[error("is a VHDX {0}")]
    Unsupported(&'static str),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// An open disk.
#[derive(Debug)]
pub struct VhdxDisk {
    file: File,
    size: u64,
    /// Bytes of a block of the disk.
    block: u64,
    /// Blocks for which the table has one more entry.
    chunk: u64,
    /// Where the block allocation table begins.
    table: u64,
}

impl VhdxDisk {
    /// Reads the tables of the file's head.
    ///
    /// # Errors
    /// They are damaged, or those of a disk with a parent or with a log to replay.
    pub fn open(file: File) -> Result<Self, BadDisk> {
        let header = newest_header(&file)?;
        if header[48..64] != [0; 16] {
            return Err(BadDisk::Unsupported("that was not closed: its last changes are in its log"));
        }
        let regions =
            [192 << 10, 256 << 10].into_iter().find_map(|at| sealed(&file, at, TABLE_LENGTH, *b"regi"));
        let regions = regions.ok_or(BadDisk::Damaged("its table of regions"))?;
        let region = |wanted| {
            let found = entries(&regions, 8, 16).find(|entry| entry[..16] == wanted);
            found.map(|entry| (u64_at(entry, 16), u64::from(u32_at(entry, 24))))
        };
        let (Some((table, length)), Some((metadata, _))) = (region(BAT_REGION), region(METADATA_REGION))
        else {
            return Err(BadDisk::Damaged("it has no table of blocks, or no metadata"));
        };
        let mut items = vec![0; TABLE_LENGTH];
        file.read_exact_at(&mut items, metadata)?;
        if !items.starts_with(b"metadata") {
            return Err(BadDisk::Damaged("its metadata"));
        }
        let parameters = item(&file, metadata, &items, FILE_PARAMETERS, 8)?;
        let size = item(&file, metadata, &items, DISK_SIZE, 8)?;
        let sector = item(&file, metadata, &items, LOGICAL_SECTOR_SIZE, 4)?;
        let block = parameters & u64::from(u32::MAX);
        if parameters >> 32 & 2 != 0 {
            return Err(BadDisk::Unsupported("with a parent, of which it has only the differences"));
        }
        let fits =
            block.is_power_of_two() && (MIB..=256 * MIB).contains(&block) && [512, 4096].contains(&sector);
        if !fits || size == 0 || size > LARGEST_DISK {
            return Err(BadDisk::Damaged("its size, or that of its blocks"));
        }
        let chunk = (1 << 23) * sector / block;
        let blocks = size.div_ceil(block);
        if (blocks + (blocks - 1) / chunk) * 8 > length {
            return Err(BadDisk::Damaged("its table of blocks is too short"));
        }
        Ok(Self { file, size, block, chunk, table })
    }

    /// The disk's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from the byte `offset` of the disk on.
    ///
    /// # Errors
    /// That is beyond its end, or in a part that is not in the file.
    pub fn read_at(&self, mut buffer: &mut [u8], mut offset: u64) -> Result<(), BadDisk> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.size) {
            return Err(BadDisk::Damaged("what is in it leads beyond its end"));
        }
        while !buffer.is_empty() {
            let (number, place) = (offset / self.block, offset % self.block);
            let length = usize::try_from(self.block - place).unwrap_or(usize::MAX).min(buffer.len());
            let (part, rest) = buffer.split_at_mut(length);
            let mut entry = [0; 8];
            self.file.read_exact_at(&mut entry, self.table + (number + number / self.chunk) * 8)?;
            let entry = u64::from_le_bytes(entry);
            match entry & 7 {
                // Not present, undefined, zero, unmapped.
                0..=3 => part.fill(0),
                FULLY_PRESENT => {
                    // In MiB, of which 44 bits are left: the file's end is found by reading.
                    let at = (entry >> 20).checked_mul(MIB).and_then(|at| at.checked_add(place));
                    self.file.read_exact_at(part, at.ok_or(BadDisk::Damaged("its table of blocks"))?)?;
                }
                _ => {
                    return Err(BadDisk::Damaged(
                        "its table of blocks has a state that is none of a whole disk",
                    ));
                }
            }
            (buffer, offset) = (rest, offset + length as u64);
        }
        Ok(())
    }
}

/// Of the two headers that are whole, the one that was written last.
fn newest_header(file: &File) -> Result<Vec<u8>, BadDisk> {
    let headers = [64 << 10, 128 << 10].into_iter().filter_map(|at| sealed(file, at, 4096, *b"head"));
    headers.max_by_key(|header| u64_at(header, 8)).ok_or(BadDisk::Damaged("neither of its headers is whole"))
}

/// A structure that begins with its name, with the right checksum in its second word.
fn sealed(file: &File, at: u64, length: usize, name: [u8; 4]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at).ok()?;
    let said = u32_at(&bytes, 4);
    bytes[4..8].fill(0);
    (bytes.starts_with(&name) && crc32c::crc32c(&bytes) == said).then_some(bytes)
}

/// The entries of 32 bytes of a table, by the place of their number and its head's length.
fn entries(table: &[u8], count: usize, head: usize) -> impl Iterator<Item = &[u8]> {
    let count = usize::from(u16::from_le_bytes([table[count], table[count + 1]])).min(MOST_ENTRIES);
    table[head..].chunks_exact(32).take(count)
}

/// A value of the metadata, of four or eight bytes.
fn item(file: &File, region: u64, items: &[u8], wanted: Guid, length: usize) -> Result<u64, BadDisk> {
    let missing = BadDisk::Damaged("its metadata lacks what every disk has");
    let Some(entry) = entries(items, 10, 32).find(|entry| entry[..16] == wanted) else { return Err(missing) };
    if u32_at(entry, 20) as usize != length {
        return Err(missing);
    }
    let mut value = [0; 8];
    let at = region.checked_add(u64::from(u32_at(entry, 16))).ok_or(missing)?;
    file.read_exact_at(&mut value[..length], at)?;
    Ok(u64::from_le_bytes(value))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
