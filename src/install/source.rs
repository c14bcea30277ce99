//! The archive as a stream of tar bytes: read and checked on one thread, decompressed on another.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};
use zstd::stream::read::Decoder;

use crate::digest::hexadecimal;

/// How much is handed over at a time, and how often: a few MiB between two threads.
const PIECE: usize = 1 << 20;
const PIECES: usize = 6;

/// What the whole archive file turned out to be.
pub struct VerifiedArchive {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// The decompressed bytes.
pub struct Source<'scope> {
    decompressed: Incoming,
    reader: ScopedJoinHandle<'scope, io::Result<VerifiedArchive>>,
    decompressor: ScopedJoinHandle<'scope, io::Result<()>>,
}

impl<'scope> Source<'scope> {
    /// Starts to read `file`.
    #[must_use]
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, file: File) -> Self {
        let (to_decompressor, compressed) = queue();
        let (to_writer, decompressed) = queue();
        let reader = scope.spawn(move || read(file, to_decompressor));
        let decompressor = scope.spawn(move || to_writer.pass(&mut Decoder::with_buffer(compressed)?));
        Self { decompressed, reader, decompressor }
    }

    /// Reads the rest and tells what the file was.
    ///
    /// # Errors
    /// When it could not be read or decompressed.
    pub fn finish(mut self) -> io::Result<VerifiedArchive> {
        while self.decompressed.next_piece() {}
        // What the reader has to say is the reason of what the decompressor found.
        let archive = self.reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        self.decompressor.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(archive)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decompressed.read(buffer)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.decompressed.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.decompressed.consume(count);
    }
}

/// Hands on what the file holds, and goes on to its end: what the decompressor leaves concerns only the checksum.
fn read(file: File, to_decompressor: Outgoing) -> io::Result<VerifiedArchive> {
    let mut hashing = Hashing { file, hash: Sha256::new(), size: 0 };
    to_decompressor.pass(&mut hashing)?;
    drop(to_decompressor);
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(VerifiedArchive { sha256: hexadecimal(&hashing.hash.finalize()), size: hashing.size })
}

/// Two ends of a queue whose pieces go round.
fn queue() -> (Outgoing, Incoming) {
    let (full, pieces) = sync_channel(PIECES);
    let (free, empty) = channel();
    for _ in 0..PIECES {
        let _ = free.send(vec![0; PIECE]);
    }
    (Outgoing { full, empty }, Incoming { pieces, free, piece: Vec::new(), filled: 0, at: 0 })
}

/// The end of the thread that fills the pieces.
struct Outgoing {
    full: SyncSender<(Vec<u8>, usize)>,
    empty: Receiver<Vec<u8>>,
}

impl Outgoing {
    /// Hands on what `from` gives, to its end or until nobody takes it any more.
    fn pass(&self, from: &mut impl Read) -> io::Result<()> {
        while let Ok(mut piece) = self.empty.recv() {
            let filled = fill(from, &mut piece)?;
            if filled == 0 || self.full.send((piece, filled)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The end of the thread that empties them.
struct Incoming {
    pieces: Receiver<(Vec<u8>, usize)>,
    free: Sender<Vec<u8>>,
    piece: Vec<u8>,
    filled: usize,
    at: usize,
}

impl Incoming {
    /// Takes the next piece; `false` at the end.
    fn next_piece(&mut self) -> bool {
        let old = std::mem::take(&mut self.piece);
        if !old.is_empty() {
            let _ = self.free.send(old);
        }
        (self.at, self.filled) = (0, 0);
        match self.pieces.recv() {
            Ok((piece, filled)) => {
                (self.piece, self.filled) = (piece, filled);
                true
            }
            Err(_) => false,
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = buffer.len().min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Incoming {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.filled && !self.next_piece() {
            return Ok(&[]);
        }
        Ok(&self.piece[self.at..self.filled])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

fn fill(from: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match from.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct Hashing {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}
