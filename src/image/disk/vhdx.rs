//! A dynamic VHDX (MS-VHDX 2.0), as WSL makes them: blocks of 1 MiB, and none for what is all zero.
//!
//! Nothing in the file depends on the clock or on chance: its GUIDs are given. The file is whole once
//! [`Vhdx::finish`] has written the headers; without them nobody takes it for a disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::device::BlockDevice;

pub(super) const MIB: u64 = 1 << 20;

/// What the file grows by, and what a block of the disk takes in it (MS-VHDX 2.6.2.1).
const BLOCK: u64 = MIB;
const LOGICAL_SECTOR: u32 = 512;
const PHYSICAL_SECTOR: u32 = 4096;
/// Payload blocks for which one sector bitmap block stands (MS-VHDX 2.5).
const CHUNK_RATIO: u64 = (1 << 23) * LOGICAL_SECTOR as u64 / BLOCK;

/// The regions, after the first MiB, which has the headers (MS-VHDX 2.2).
const LOG: u64 = MIB;
const METADATA: u64 = 2 * MIB;
const TABLE: u64 = 3 * MIB;

pub(super) const FULLY_PRESENT: u64 = 6;

pub(super) const BAT_REGION: Guid = guid(0x2dc2_7766, 0xf623, 0x4200, 0x9d64_115e_9bfd_4a08);
pub(super) const METADATA_REGION: Guid = guid(0x8b7c_a206, 0x4790, 0x4b9a, 0xb8fe_575f_050f_886e);
pub(super) const FILE_PARAMETERS: Guid = guid(0xcaa1_6737, 0xfa36, 0x4d43, 0xb3b6_33f0_aa44_e76b);
pub(super) const DISK_SIZE: Guid = guid(0x2fa5_4224, 0xcd1b, 0x4876, 0xb211_5dbe_d83b_f4b8);
const DISK_ID: Guid = guid(0xbeca_12ab, 0xb2e6, 0x4523, 0x93ef_c309_e000_c746);
pub(super) const LOGICAL_SECTOR_SIZE: Guid = guid(0x8141_bf1d, 0xa96f, 0x4709, 0xba47_f233_a8fa_ab5f);
const PHYSICAL_SECTOR_SIZE: Guid = guid(0xcda3_48c7, 0x445d, 0x4471, 0x9cc9_e988_5251_c556);

/// A GUID in the file's order of bytes.
pub type Guid = [u8; 16];

/// A virtual disk that is being written.
#[derive(Debug)]
pub struct Vhdx {
    file: File,
    size: u64,
    /// Where the file has each block of the disk, in MiB; 0 for nowhere.
    blocks: Vec<u32>,
    /// The file's length, in MiB.
    end: u32,
}

impl Vhdx {
    /// A disk of `size` bytes in the empty file `file`.
    ///
    /// # Errors
    /// When the size is no whole number of blocks, or more than the 64 TiB that the format has room for.
    pub fn new(file: File, size: u64) -> io::Result<Self> {
        if size == 0 || !size.is_multiple_of(BLOCK) || size > 64 << 40 {
            let text = format!("a virtual disk of {size} bytes: it takes whole MiB, and 64 TiB at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let blocks = usize::try_from(size / BLOCK).map_err(io::Error::other)?;
        let end = u32::try_from((TABLE + table_length(size)) / MIB).map_err(io::Error::other)?;
        Ok(Self { file, size, blocks: vec![0; blocks], end })
    }

    /// Writes the tables and headers, with GUIDs for the file's content and for the disk.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn finish(self, content: Guid, disk: Guid) -> io::Result<()> {
        self.file.set_len(u64::from(self.end) * MIB)?;
        self.file.write_all_at(&self.metadata(disk), METADATA)?;
        self.file.write_all_at(&self.table(), TABLE)?;
        let mut regions = Vec::with_capacity(64 << 10);
        regions.extend(b"regi\0\0\0\0");
        regions.extend(2_u32.to_le_bytes());
        regions.extend(0_u32.to_le_bytes());
        for (region, offset, length) in
            [(BAT_REGION, TABLE, table_length(self.size)), (METADATA_REGION, METADATA, MIB)]
        {
            regions.extend(region);
            regions.extend(offset.to_le_bytes());
            regions.extend(u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
            regions.extend(1_u32.to_le_bytes());
        }
        regions.resize(64 << 10, 0);
        seal(&mut regions);
        let mut identifier = b"vhdxfile".to_vec();
        identifier.extend("nixos-wsl-image".encode_utf16().flat_map(u16::to_le_bytes));
        self.file.write_all_at(&regions, 192 << 10)?;
        self.file.write_all_at(&regions, 256 << 10)?;
        self.file.write_all_at(&header(0, content), 64 << 10)?;
        self.file.write_all_at(&header(1, content), 128 << 10)?;
        self.file.write_all_at(&identifier, 0)
    }

    /// The metadata region (MS-VHDX 2.6).
    fn metadata(&self, disk: Guid) -> Vec<u8> {
        const DISK: u32 = 2;
        const REQUIRED: u32 = 4;
        let parameters = BLOCK.to_le_bytes();
        let items: [(Guid, &[u8], u32); 5] = [
            // The block size in the lower half; no flag is set in the upper one.
            (FILE_PARAMETERS, &parameters, REQUIRED),
            (DISK_SIZE, &self.size.to_le_bytes(), REQUIRED | DISK),
            (DISK_ID, &disk, REQUIRED | DISK),
            (LOGICAL_SECTOR_SIZE, &LOGICAL_SECTOR.to_le_bytes(), REQUIRED | DISK),
            (PHYSICAL_SECTOR_SIZE, &PHYSICAL_SECTOR.to_le_bytes(), REQUIRED | DISK),
        ];
        let mut table = b"metadata\0\0\x05\0".to_vec();
        table.resize(32, 0);
        let mut values: Vec<u8> = Vec::new();
        let mut offset = 64_u32 << 10;
        for (item, value, flags) in items {
            // Of eight or sixteen bytes, or four: no value is longer.
            let length = u32::try_from(value.len()).unwrap_or_default();
            table.extend(item);
            for word in [offset, length, flags, 0] {
                table.extend(word.to_le_bytes());
            }
            values.extend(value);
            offset += length;
        }
        table.resize(64 << 10, 0);
        table.extend(values);
        table
    }

    /// The block allocation table (MS-VHDX 2.5): after each chunk's blocks an entry for its sector bitmap, of which a disk
    /// without a parent has none.
    fn table(&self) -> Vec<u8> {
        let chunk = usize::try_from(CHUNK_RATIO).unwrap_or(usize::MAX);
        let mut table = Vec::new();
        for (number, &block) in self.blocks.iter().enumerate() {
            if number > 0 && number % chunk == 0 {
                table.extend([0; 8]);
            }
            let entry = if block == 0 { 0 } else { u64::from(block) << 20 | FULLY_PRESENT };
            table.extend(entry.to_le_bytes());
        }
        table
    }

    /// The parts of `length` bytes at `offset` by the disk's blocks: block, place in it, and range of the bytes.
    fn parts(
        &self,
        length: usize,
        offset: u64,
    ) -> io::Result<impl Iterator<Item = (usize, u64, std::ops::Range<usize>)> + use<>> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a place beyond the disk's end"));
        }
        let mut done = 0;
        Ok(std::iter::from_fn(move || {
            let place = (offset + done as u64) % BLOCK;
            let block = usize::try_from((offset + done as u64) / BLOCK).ok()?;
            let room = usize::try_from(BLOCK - place).ok()?;
            let part = done..length.min(done + room);
            done = part.end;
            (!part.is_empty()).then_some((block, place, part))
        }))
    }
}

impl BlockDevice for Vhdx {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        for (block, place, part) in self.parts(bytes.len(), offset)? {
            let bytes = &bytes[part];
            if self.blocks[block] == 0 {
                if is_zero(bytes) {
                    continue;
                }
                self.blocks[block] = self.end;
                self.end += 1;
            }
            self.file.write_all_at(bytes, u64::from(self.blocks[block]) * MIB + place)?;
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        for (block, place, part) in self.parts(buffer.len(), offset)? {
            let buffer = &mut buffer[part];
            let mut filled = 0;
            while self.blocks[block] != 0 && filled < buffer.len() {
                let at = u64::from(self.blocks[block]) * MIB + place + filled as u64;
                match FileExt::read_at(&self.file, &mut buffer[filled..], at)? {
                    // Beyond what was written so far.
                    0 => break,
                    count => filled += count,
                }
            }
            buffer[filled..].fill(0);
        }
        Ok(())
    }
}

/// The length of the block allocation table's region for a disk of `size` bytes.
fn table_length(size: u64) -> u64 {
    let blocks = size.div_ceil(BLOCK);
    ((blocks + (blocks - 1) / CHUNK_RATIO) * 8).next_multiple_of(MIB)
}

/// A header (MS-VHDX 2.2.2): of the two, the one with the larger sequence number holds.
fn header(sequence: u64, content: Guid) -> Vec<u8> {
    let mut header = b"head\0\0\0\0".to_vec();
    header.extend(sequence.to_le_bytes());
    // What changes with each opening for writing, and with each change of what the disk holds.
    header.extend(content);
    header.extend(content);
    // No log to replay, its version, the format's.
    header.extend([0; 16]);
    header.extend(0_u16.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(u32::try_from(MIB).unwrap_or_default().to_le_bytes());
    header.extend(LOG.to_le_bytes());
    header.resize(4096, 0);
    seal(&mut header);
    header
}

/// Puts the CRC-32C of a structure into its second word, which is zero so far.
fn seal(structure: &mut [u8]) {
    let checksum = crc32c::crc32c(structure);
    structure[4..8].copy_from_slice(&checksum.to_le_bytes());
}

/// Of at most a block.
fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
    bytes == &ZEROS[..bytes.len()]
}

/// A GUID as it is written, in the file's order of bytes (MS-DTYP 2.3.4.2).
const fn guid(first: u32, second: u16, third: u16, rest: u64) -> Guid {
    let (a, b, c, d) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes(), rest.to_be_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}
