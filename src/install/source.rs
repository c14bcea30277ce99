//! The archive as a stream of tar bytes: read, checked and decompressed on a thread of its own.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};
use zstd::stream::read::Decoder;

use crate::digest::hexadecimal;

/// How much is handed over at a time, and how often: a few MiB between the two threads.
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
    pieces: Receiver<(Vec<u8>, usize)>,
    free: Sender<Vec<u8>>,
    piece: Vec<u8>,
    filled: usize,
    at: usize,
    thread: ScopedJoinHandle<'scope, io::Result<VerifiedArchive>>,
}

impl<'scope> Source<'scope> {
    /// Starts to read `file`.
    #[must_use]
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, file: File) -> Self {
        let (full, pieces) = sync_channel(PIECES);
        let (free, empty) = channel();
        for _ in 0..PIECES {
            let _ = free.send(vec![0; PIECE]);
        }
        let thread = scope.spawn(move || decompress(file, &full, &empty));
        Self { pieces, free, piece: Vec::new(), filled: 0, at: 0, thread }
    }

    /// Reads the rest and tells what the file was.
    ///
    /// # Errors
    /// When it could not be read or decompressed.
    pub fn finish(mut self) -> io::Result<VerifiedArchive> {
        while self.fill() {}
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Takes the next piece; `false` at the end.
    fn fill(&mut self) -> bool {
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

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = buffer.len().min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.filled && !self.fill() {
            return Ok(&[]);
        }
        Ok(&self.piece[self.at..self.filled])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

fn decompress(
    file: File,
    full: &SyncSender<(Vec<u8>, usize)>,
    empty: &Receiver<Vec<u8>>,
) -> io::Result<VerifiedArchive> {
    let hashing = Hashing { file, hash: Sha256::new(), size: 0 };
    let mut decoder = Decoder::with_buffer(BufReader::with_capacity(PIECE, hashing))?;
    let mut outcome = Ok(());
    while let Ok(mut piece) = empty.recv() {
        match fill(&mut decoder, &mut piece) {
            Ok(0) => break,
            Ok(filled) => {
                // Nobody listens any more when writing has failed.
                if full.send((piece, filled)).is_err() {
                    break;
                }
            }
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    // The reader's end of file is the end of the pieces: what is left of the archive concerns only its checksum.
    let mut hashing = decoder.finish().into_inner();
    outcome?;
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(VerifiedArchive { sha256: hexadecimal(&hashing.hash.finalize()), size: hashing.size })
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
