//! The blocks of a stream: each is compressed on its own, by several threads, and they are written in their order.
//!
//! The blocks' size does not depend on the number of threads, so the bytes do not either.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::stream::{Sink, closed};
use super::{ImageError, Result};
use crate::sys;

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

/// A full buffer on its way to a thread, and where the result goes.
struct Job<B> {
    buffer: Vec<u8>,
    length: usize,
    stored: bool,
    result: SyncSender<Result<B>>,
}

/// How a stream is cut and compressed.
pub struct BlockCompression<'a> {
    /// How many bytes are compressed on their own.
    pub block: usize,
    /// How many threads compress, beside the producing and the writing one.
    pub threads: usize,
    /// Makes the error of a write.
    pub write_error: &'a (dyn Fn(io::Error) -> ImageError + Sync),
}

impl BlockCompression<'_> {
    /// Cuts what `produce` puts into its sink into blocks, which a `compressor` of each thread turns into what `write` gets
    /// in their order. The compressor also learns whether the block is to be stored as it is ([`Blocks::store`]).
    ///
    /// # Errors
    /// The error of `produce`, a compressor or `write`.
    pub fn run<T, B: Send, C: FnMut(&[u8], bool) -> Result<B>>(
        &self,
        compressor: impl Fn() -> Result<C> + Sync,
        write: impl FnOnce(&mut dyn Iterator<Item = Result<B>>) -> Result<()> + Send,
        produce: impl FnOnce(&mut Blocks<B>) -> Result<T>,
    ) -> Result<T> {
        let threads = self.threads.max(1);
        sys::give_back_freed_memory();
        let (jobs, waiting) = sync_channel::<Job<B>>(threads);
        let (order, ordered) = sync_channel::<Receiver<Result<B>>>(in_flight(threads));
        let (free, buffers) = channel();
        for _ in 0..read_ahead(threads) {
            let _ = free.send(vec![0; self.block]);
        }
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            for _ in 0..threads {
                let (waiting, free, compressor) = (&waiting, free.clone(), &compressor);
                scope.spawn(move || work(compressor, waiting, &free));
            }
            drop(free);
            let writer = scope.spawn(move || {
                let lost = || (self.write_error)(closed());
                write(&mut ordered.iter().map(|block| block.recv().map_err(|_| lost())?))
            });
            let mut blocks =
                Blocks { jobs, order, buffers, buffer: Vec::new(), filled: 0, sent: 0, stored: false };
            let produced = produce(&mut blocks)
                .and_then(|value| blocks.finish().map_err(self.write_error).map(|()| value));
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A writer that fails closes the channels, which the producer sees as an error without a cause of its own.
            written.and(produced)
        })
    }
}

/// Compresses blocks until there are no more.
fn work<B, C: FnMut(&[u8], bool) -> Result<B>>(
    compressor: &(impl Fn() -> Result<C> + Sync),
    jobs: &Mutex<Receiver<Job<B>>>,
    free: &Sender<Vec<u8>>,
) {
    let mut compress: Option<C> = None;
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { buffer, length, stored, result }) = job else { return };
        let block = match &mut compress {
            Some(compress) => compress(&buffer[..length], stored),
            None => compressor().and_then(|new| compress.insert(new)(&buffer[..length], stored)),
        };
        // Nobody listens any more when the producer or the writer has failed.
        let _ = free.send(buffer);
        let _ = result.send(block);
    }
}

/// The sink that cuts what it gets into blocks.
pub struct Blocks<B> {
    jobs: SyncSender<Job<B>>,
    order: SyncSender<Receiver<Result<B>>>,
    buffers: Receiver<Vec<u8>>,
    buffer: Vec<u8>,
    filled: usize,
    sent: u64,
    stored: bool,
}

impl<B> Blocks<B> {
    /// Sends the present buffer off.
    fn send(&mut self) -> io::Result<()> {
        let (result, block) = sync_channel(1);
        let buffer = std::mem::take(&mut self.buffer);
        let job = Job { buffer, length: self.filled, stored: self.stored, result };
        self.sent += self.filled as u64;
        self.filled = 0;
        self.order.send(block).map_err(|_| closed())?;
        self.jobs.send(job).map_err(|_| closed())
    }

    /// Bytes that were put into it so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.sent + self.filled as u64
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

impl<B> Sink for Blocks<B> {
    fn space(&mut self) -> io::Result<&mut [u8]> {
        if !self.buffer.is_empty() && self.filled == self.buffer.len() {
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
