//! zstd (RFC 8878), compressed on several threads: for what WSL does not unpack itself.

use std::io::{self, Write};

use zstd::bulk::Compressor;
use zstd::stream::write::Encoder;

use super::blocks::{BlockCompression, Blocks};
use super::{ImageError, Result};
use crate::system::installer::FRAME;

/// The level beyond which each percent costs twice the time.
pub const DEFAULT_LEVEL: i32 = 9;

/// A compressor to one frame, whose bytes do not depend on `threads`: it cuts its work by the level.
///
/// # Errors
/// When it has no such level or no memory.
pub fn encoder<'a, W: Write>(out: W, threads: usize, level: i32) -> io::Result<Encoder<'a, W>> {
    let mut encoder = Encoder::new(out, level)?;
    // None at all would be another way of cutting, and other bytes.
    encoder.multithread(u32::try_from(threads.max(1)).unwrap_or(1))?;
    Ok(encoder)
}

/// Compresses what `produce` puts into its sink to `out`, in frames of [`FRAME`] bytes of content, which the reader
/// decompresses side by side. They have no checksums, which would cost it time: the manifest has one of the whole.
///
/// # Errors
/// The error of `produce`; or, made by `write_error`, one of `out` or the compressor.
pub fn compress_in_frames<T>(
    mut out: impl Write + Send,
    threads: usize,
    level: i32,
    write_error: impl Fn(io::Error) -> ImageError + Sync,
    produce: impl FnOnce(&mut Blocks<Vec<u8>>) -> Result<T>,
) -> Result<T> {
    let compressor = || {
        let mut compressor = Compressor::new(level).map_err(&write_error)?;
        let write_error = &write_error;
        Ok(move |data: &[u8], _| compressor.compress(data).map_err(write_error))
    };
    let write = |frames: &mut dyn Iterator<Item = Result<Vec<u8>>>| {
        for frame in frames {
            out.write_all(&frame?).map_err(&write_error)?;
        }
        out.flush().map_err(&write_error)
    };
    BlockCompression { block: FRAME, threads, write_error: &write_error }.run(compressor, write, produce)
}
