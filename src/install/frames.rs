//! The archive's zstd frames: read and checked on one thread, decompressed side by side on others, given in their order.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};
use zstd::bulk::Decompressor;
use zstd::zstd_safe::find_frame_compressed_size;

use super::pieces::FrameContent;
use crate::digest::hexadecimal;
use crate::sys;
use crate::system::installer::FRAME;

/// One writes faster than two decompress; more of them would need more memory.
const DECOMPRESSORS: usize = 2;
/// Beside those that are being filled: one waits, one is read, one is written to files.
const CONTENTS: usize = DECOMPRESSORS + 3;
/// Beside those that are being decompressed: one is filled.
const COMPRESSED: usize = DECOMPRESSORS + 1;

/// How much is read at a time.
const STEP: usize = 256 << 10;

/// What the whole archive file turned out to be.
pub struct VerifiedArchive {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// A frame on its way to a decompressor, and where its content goes.
struct Job {
    compressed: Vec<u8>,
    length: usize,
    content: FrameContent,
    result: SyncSender<io::Result<FrameContent>>,
}

/// The contents of an archive's frames, in their order.
pub struct Frames<'scope> {
    ordered: Receiver<Receiver<io::Result<FrameContent>>>,
    reader: ScopedJoinHandle<'scope, io::Result<VerifiedArchive>>,
}

impl<'scope> Frames<'scope> {
    /// Starts to read `file`.
    #[must_use]
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, file: File) -> Self {
        let (jobs, waiting) = sync_channel(1);
        let (order, ordered) = sync_channel(CONTENTS);
        let (free_compressed, compressed) = channel();
        for _ in 0..COMPRESSED {
            // A frame of this content is never longer than the bound; the next one's beginning may be read with it.
            let _ = free_compressed.send(vec![0; zstd::compress_bound(FRAME) + STEP]);
        }
        let (free_contents, contents) = channel();
        for _ in 0..CONTENTS {
            let _ = free_contents.send(sys::large_buffer(FRAME));
        }
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..DECOMPRESSORS {
            let (waiting, free) = (Arc::clone(&waiting), free_compressed.clone());
            scope.spawn(move || decompress(&waiting, &free));
        }
        let reader =
            Reader { file, hash: Sha256::new(), size: 0, compressed, contents, free_contents, order, jobs };
        Self { ordered, reader: scope.spawn(move || reader.read()) }
    }

    /// Reads the rest and tells what the file was.
    ///
    /// # Errors
    /// When it could not be read, cut into frames or decompressed.
    pub fn finish(mut self) -> io::Result<VerifiedArchive> {
        let decompressed = self.by_ref().try_for_each(|frame| frame.map(drop));
        // The checksum is that of the whole file.
        self.by_ref().for_each(drop);
        // What the reader has to say is the reason of what a decompressor found.
        let archive = self.reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        decompressed.map(|()| archive)
    }
}

/// Each with what went wrong in its decompression. They also end where the file could not be read or cut into frames, which
/// [`Frames::finish`] tells.
impl Iterator for Frames<'_> {
    type Item = io::Result<FrameContent>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.ordered.recv().ok()?;
        Some(frame.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())))
    }
}

/// Decompresses frames until there are no more.
fn decompress(jobs: &Mutex<Receiver<Job>>, free: &Sender<Vec<u8>>) {
    let mut decompressor = Decompressor::new();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { compressed, length, mut content, result }) = job else { return };
        let decompressed = match &mut decompressor {
            Ok(decompressor) => {
                decompressor.decompress_to_buffer(&compressed[..length], content.buffer.as_mut_slice())
            }
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        // Nobody listens any more when the installation has ended early.
        let _ = free.send(compressed);
        let _ = result.send(decompressed.map(|length| {
            content.length = length;
            content
        }));
    }
}

/// The thread that reads the file.
struct Reader {
    file: File,
    hash: Sha256,
    size: u64,
    compressed: Receiver<Vec<u8>>,
    contents: Receiver<Vec<u8>>,
    free_contents: Sender<Vec<u8>>,
    order: SyncSender<Receiver<io::Result<FrameContent>>>,
    jobs: SyncSender<Job>,
}

impl Reader {
    /// Hands on the file's frames, to its end or until nobody takes them any more.
    fn read(mut self) -> io::Result<VerifiedArchive> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut compressed = self.compressed.recv().map_err(|_| gone())?;
        let mut filled = 0;
        while let Some(length) = self.frame(&mut compressed, &mut filled)? {
            let mut next = self.compressed.recv().map_err(|_| gone())?;
            let rest = length..filled;
            filled = rest.len();
            next[..filled].copy_from_slice(&compressed[rest]);
            // In the frames' order: a later frame that has the last buffer would make all of them wait for each other.
            let buffer = self.contents.recv().map_err(|_| gone())?;
            let content = FrameContent::new(buffer, self.free_contents.clone());
            let (result, receiver) = sync_channel(1);
            self.order.send(receiver).map_err(|_| gone())?;
            self.jobs.send(Job { compressed, length, content, result }).map_err(|_| gone())?;
            compressed = next;
        }
        Ok(VerifiedArchive { sha256: hexadecimal(&self.hash.finalize()), size: self.size })
    }

    /// Reads on until a whole frame is in `buffer`, and gives its length; nothing at the end of the file.
    fn frame(&mut self, buffer: &mut [u8], filled: &mut usize) -> io::Result<Option<usize>> {
        loop {
            if let Ok(length) = find_frame_compressed_size(&buffer[..*filled]) {
                return Ok(Some(length));
            }
            let end = buffer.len().min(*filled + STEP);
            let count = match self.file.read(&mut buffer[*filled..end]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            match (count, *filled) {
                (0, 0) => return Ok(None),
                (0, _) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not made of zstd frames"));
                }
                _ => {}
            }
            self.hash.update(&buffer[*filled..*filled + count]);
            self.size += count as u64;
            *filled += count;
        }
    }
}
