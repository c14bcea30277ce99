//! One zstd frame, compressed on several threads: for archives that WSL does not unpack itself.

use std::io::{self, Write};

use zstd::stream::write::Encoder;

use super::stream::Sink;

/// The size of a piece handed to the compressor.
const BUFFER: usize = 1 << 18;

/// The level beyond which each percent costs twice the time.
pub const DEFAULT_LEVEL: i32 = 9;

/// A compressor whose bytes do not depend on `threads`: it cuts its work by the level.
///
/// # Errors
/// When it has no such level or no memory.
pub fn encoder<'a, W: Write>(out: W, threads: usize, level: i32) -> io::Result<Encoder<'a, W>> {
    let mut encoder = Encoder::new(out, level)?;
    // None at all would be another way of cutting, and other bytes.
    encoder.multithread(u32::try_from(threads.max(1)).unwrap_or(1))?;
    Ok(encoder)
}

/// A sink that compresses to `W`.
pub struct Frame<'a, W: Write> {
    encoder: Encoder<'a, W>,
    buffer: Vec<u8>,
    filled: usize,
    taken: u64,
}

impl<W: Write> Frame<'_, W> {
    /// Starts a frame. It has no checksum of its own, which would cost the reader time: the manifest has one.
    ///
    /// # Errors
    /// As [`encoder`].
    pub fn new(out: W, threads: usize, level: i32) -> io::Result<Self> {
        Ok(Self { encoder: encoder(out, threads, level)?, buffer: vec![0; BUFFER], filled: 0, taken: 0 })
    }

    /// Ends the frame: what it was written to, and how many bytes went in.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.flush()?;
        Ok((self.encoder.finish()?, self.taken))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.write_all(&self.buffer[..self.filled])?;
        self.taken += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

impl<W: Write> Sink for Frame<'_, W> {
    fn space(&mut self) -> io::Result<&mut [u8]> {
        if self.filled == BUFFER {
            self.flush()?;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    fn advance(&mut self, count: usize) {
        self.filled += count;
    }
}
