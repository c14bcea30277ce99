//! One gzip member (RFC 1952), compressed in blocks on several threads.
//!
//! The blocks' size does not depend on the number of threads, so the bytes do not either. One member and not many: Python's
//! tarfile in stream mode and flate2's plain decoder stop after the first.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crc32fast::Hasher;
use libdeflater::{CompressionLvl, Compressor};

use super::stream::{Sink, closed};
use super::{ImageError, Result, deflate};
use crate::sys;

/// How much is compressed on its own. Blocks of 4 MiB would gain an eighth of a percent, but two of them are more than a
/// thread may add to the memory.
const BLOCK: usize = 1 << 20;

/// How many blocks may be read ahead of `threads` that compress: a third as many again, so that none of them waits while the
/// producer opens small files.
const fn read_ahead(threads: usize) -> usize {
    threads + threads / 3 + 3
}

/// How many blocks may be under way between the producer and the writer: half as many again as are being compressed, so
/// that one that takes long holds nobody up.
const fn in_flight(threads: usize) -> usize {
    threads + threads / 2 + 1
}

/// The fastest level at which libdeflate is smaller than zlib's default: three and a half times as fast.
pub const DEFAULT_LEVEL: i32 = 5;

/// No name, no time (both would differ from build to build), no extra flags, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// An empty last block (RFC 1951, 3.2.6), after blocks that were left open.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A full buffer on its way to a worker, and where the result goes.
struct Job {
    buffer: Vec<u8>,
    length: usize,
    stored: bool,
    result: SyncSender<Result<Block>>,
}

/// A compressed block that others can follow.
struct Block {
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
    produce: impl FnOnce(&mut Blocks) -> Result<T>,
) -> Result<T> {
    let level =
        CompressionLvl::new(level).map_err(|_| ImageError::entry("compressionLevel", "must be 1 to 12"))?;
    let threads = threads.max(1);
    sys::give_back_freed_memory();
    let (jobs, waiting) = sync_channel::<Job>(threads);
    let (order, ordered) = sync_channel(in_flight(threads));
    let (free, buffers) = channel();
    for _ in 0..read_ahead(threads) {
        let _ = free.send(vec![0; BLOCK]);
    }
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (waiting, free) = (&waiting, free.clone());
            scope.spawn(move || work(level, waiting, &free));
        }
        drop(free);
        let writer = scope.spawn(|| write(out, ordered, &write_error));
        let mut blocks = Blocks { jobs, order, buffers, buffer: Vec::new(), filled: 0, stored: false };
        let produced =
            produce(&mut blocks).and_then(|value| blocks.finish().map_err(&write_error).map(|()| value));
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A writer that fails closes the channels, which the producer sees as an error without a cause of its own.
        written.and(produced)
    })
}

/// Compresses blocks until there are no more.
fn work(level: CompressionLvl, jobs: &Mutex<Receiver<Job>>, free: &Sender<Vec<u8>>) {
    let mut compressor = Compressor::new(level);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { buffer, length, stored, result }) = job else { return };
        let data = &buffer[..length];
        let mut crc = Hasher::new();
        crc.update(data);
        let stream = if stored { Ok(stored_blocks(data)) } else { compress_block(&mut compressor, data) };
        let size = u32::try_from(length).unwrap_or_default();
        let block = stream.map(|stream| Block { stream, crc, size });
        // Nobody listens any more when the producer or the writer has failed.
        let _ = free.send(buffer);
        let _ = result.send(block);
    }
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

/// Writes the blocks in order, between the member's header and its checksum.
fn write(
    mut out: impl Write,
    ordered: Receiver<Receiver<Result<Block>>>,
    error: &impl Fn(io::Error) -> ImageError,
) -> Result<()> {
    out.write_all(&HEADER).map_err(error)?;
    let mut crc = Hasher::new();
    let mut size = 0_u32;
    for next in ordered {
        let block = next.recv().map_err(|_| error(closed()))??;
        out.write_all(&block.stream).map_err(error)?;
        crc.combine(&block.crc);
        size = size.wrapping_add(block.size);
    }
    out.write_all(&LAST_BLOCK).map_err(error)?;
    out.write_all(&crc.finalize().to_le_bytes()).map_err(error)?;
    out.write_all(&size.to_le_bytes()).map_err(error)?;
    out.flush().map_err(error)
}

/// The sink that cuts what it gets into blocks.
pub struct Blocks {
    jobs: SyncSender<Job>,
    order: SyncSender<Receiver<Result<Block>>>,
    buffers: Receiver<Vec<u8>>,
    buffer: Vec<u8>,
    filled: usize,
    stored: bool,
}

impl Blocks {
    /// Sends the present buffer off.
    fn send(&mut self) -> io::Result<()> {
        let (result, block) = sync_channel(1);
        let buffer = std::mem::take(&mut self.buffer);
        let job = Job { buffer, length: self.filled, stored: self.stored, result };
        self.filled = 0;
        self.order.send(block).map_err(|_| closed())?;
        self.jobs.send(job).map_err(|_| closed())
    }

    /// Says whether what follows is stored as it is, because it is compressed already.
    ///
    /// # Errors
    /// As [`Sink::space`].
    pub fn store(&mut self, stored: bool) -> io::Result<()> {
        if self.filled > 0 {
            self.send()?;
        }
        self.stored = stored;
        Ok(())
    }

    /// Sends the rest and lets the threads come to their end.
    fn finish(mut self) -> io::Result<()> {
        if self.filled > 0 { self.send() } else { Ok(()) }
    }
}

impl Sink for Blocks {
    fn space(&mut self) -> io::Result<&mut [u8]> {
        if self.filled == BLOCK {
            self.send()?;
        }
        if self.buffer.is_empty() {
            self.buffer = self.buffers.recv().map_err(|_| closed())?;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    fn advance(&mut self, count: usize) {
        self.filled += count;
    }
}
