//! One gzip member (RFC 1952), compressed in blocks on several threads. One member and not many: Python's tarfile in stream
//! mode and flate2's plain decoder stop after the first.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crc32fast::Hasher;
use libdeflater::{CompressionLvl, Compressor};

use super::blocks::{BlockCompression, Blocks};
use super::{ImageError, Result, deflate};

/// How much is compressed on its own. Blocks of 4 MiB would gain an eighth of a percent, but two of them are more than a
/// thread may add to the memory.
const BLOCK: usize = 1 << 20;

/// The fastest level at which libdeflate is smaller than zlib's default: three and a half times as fast.
pub const DEFAULT_LEVEL: i32 = 5;

/// No name, no time (both would differ from build to build), no extra flags, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// An empty last block (RFC 1951, 3.2.6), after blocks that were left open.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A compressed block that others can follow.
pub struct Block {
    buffer: Vec<u8>,
    /// How much of the buffer is the block.
    length: usize,
    crc: Hasher,
    /// The size before compression; the member's end holds the sum modulo 2³².
    size: u32,
}

/// Compresses what `produce` puts into its sink to `out`, with `threads` threads beside the producing and the writing one.
///
/// # Errors
/// The error of `produce`; or, made by `write_error`, one of `out`.
pub fn compress<T>(
    out: impl Write + Send,
    threads: usize,
    level: i32,
    write_error: impl Fn(io::Error) -> ImageError + Sync,
    produce: impl FnOnce(&mut Blocks<Block>) -> Result<T>,
) -> Result<T> {
    let level =
        CompressionLvl::new(level).map_err(|_| ImageError::entry("compressionLevel", "must be 1 to 12"))?;
    // Buffers of written blocks: new memory for each costs a fortieth of the time.
    let spare = Mutex::new(Vec::new());
    let compressor = || {
        let (spare, mut compressor) = (&spare, Compressor::new(level));
        Ok(move |data: &[u8], stored| {
            let mut crc = Hasher::new();
            crc.update(data);
            let buffer = lock(spare).pop();
            let mut buffer = buffer
                .unwrap_or_else(|| vec![0; compressor.deflate_compress_bound(BLOCK) + deflate::OPEN_END]);
            let length = if stored {
                store_block(data, &mut buffer)
            } else {
                compress_block(&mut compressor, data, &mut buffer)?
            };
            Ok(Block { buffer, length, crc, size: u32::try_from(data.len()).unwrap_or_default() })
        })
    };
    let compression = BlockCompression { block: BLOCK, threads, write_error: &write_error };
    compression.run(compressor, |blocks| write(out, blocks, &spare, &write_error), produce)
}

fn lock(spare: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compresses `data` into `buffer`, so that others can follow, and gives the length.
fn compress_block(compressor: &mut Compressor, data: &[u8], buffer: &mut [u8]) -> Result<usize> {
    let length = compressor
        .deflate_compress(data, buffer)
        .map_err(|_| ImageError::Deflate("more output than the compressor's own bound"))?;
    deflate::open_end(buffer, length)
}

/// Writes `data` as it is into `buffer`, in stored blocks that others can follow (RFC 1951, 3.2.4), and gives the length. They
/// take less than the bound of what is compressed.
fn store_block(data: &[u8], buffer: &mut [u8]) -> usize {
    let mut end = 0;
    for part in data.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(part.len()).unwrap_or_default();
        let ([a, b], [c, d]) = (length.to_le_bytes(), (!length).to_le_bytes());
        buffer[end..end + 5].copy_from_slice(&[0, a, b, c, d]);
        buffer[end + 5..end + 5 + part.len()].copy_from_slice(part);
        end += 5 + part.len();
    }
    end
}

/// Writes the blocks, between the member's header and its checksum.
fn write(
    mut out: impl Write,
    blocks: &mut dyn Iterator<Item = Result<Block>>,
    spare: &Mutex<Vec<Vec<u8>>>,
    error: &impl Fn(io::Error) -> ImageError,
) -> Result<()> {
    out.write_all(&HEADER).map_err(error)?;
    let mut crc = Hasher::new();
    let mut size = 0_u32;
    for block in blocks {
        let block = block?;
        out.write_all(&block.buffer[..block.length]).map_err(error)?;
        crc.combine(&block.crc);
        size = size.wrapping_add(block.size);
        lock(spare).push(block.buffer);
    }
    out.write_all(&LAST_BLOCK).map_err(error)?;
    out.write_all(&crc.finalize().to_le_bytes()).map_err(error)?;
    out.write_all(&size.to_le_bytes()).map_err(error)?;
    out.flush().map_err(error)
}
