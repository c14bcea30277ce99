//! One gzip member (RFC 1952), compressed in blocks on several threads. One member and not many: Python's tarfile in stream
//! mode and flate2's plain decoder stop after the first.

use std::io::{self, Write};

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
    stream: Vec<u8>,
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
    let compressor = || {
        let mut compressor = Compressor::new(level);
        Ok(move |data: &[u8], stored| {
            let mut crc = Hasher::new();
            crc.update(data);
            let stream = if stored { stored_blocks(data) } else { compress_block(&mut compressor, data)? };
            Ok(Block { stream, crc, size: u32::try_from(data.len()).unwrap_or_default() })
        })
    };
    let compression = BlockCompression { block: BLOCK, threads, write_error: &write_error };
    compression.run(compressor, |blocks| write(out, blocks, &write_error), produce)
}

/// `data` compressed, so that others can follow.
fn compress_block(compressor: &mut Compressor, data: &[u8]) -> Result<Vec<u8>> {
    // Zeroed memory costs nothing before it is written to, and what is not needed is given back.
    let mut stream = vec![0; compressor.deflate_compress_bound(data.len()) + 8];
    let compressed = compressor
        .deflate_compress(data, &mut stream)
        .map_err(|_| ImageError::Deflate("more output than the compressor's own bound"))?;
    stream.truncate(compressed);
    deflate::open_end(&mut stream)?;
    stream.shrink_to_fit();
    Ok(stream)
}

/// `data` as it is, in stored blocks that others can follow (RFC 1951, 3.2.4).
fn stored_blocks(data: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(data.len() + 5 * data.len().div_ceil(usize::from(u16::MAX)));
    for part in data.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(part.len()).unwrap_or_default();
        stream.push(0);
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(part);
    }
    stream
}

/// Writes the blocks, between the member's header and its checksum.
fn write(
    mut out: impl Write,
    blocks: &mut dyn Iterator<Item = Result<Block>>,
    error: &impl Fn(io::Error) -> ImageError,
) -> Result<()> {
    out.write_all(&HEADER).map_err(error)?;
    let mut crc = Hasher::new();
    let mut size = 0_u32;
    for block in blocks {
        let block = block?;
        out.write_all(&block.stream).map_err(error)?;
        crc.combine(&block.crc);
        size = size.wrapping_add(block.size);
    }
    out.write_all(&LAST_BLOCK).map_err(error)?;
    out.write_all(&crc.finalize().to_le_bytes()).map_err(error)?;
    out.write_all(&size.to_le_bytes()).map_err(error)?;
    out.flush().map_err(error)
}
