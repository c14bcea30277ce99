//! The decompressed content of a frame, which threads share in pieces; its buffer goes back when nobody needs it any more.

use std::io::{self, BufRead};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// A buffer and how much of it is filled.
pub struct FrameContent {
    /// The whole buffer.
    pub buffer: Vec<u8>,
    /// How many of its bytes are content.
    pub length: usize,
    /// Where the buffer goes in the end.
    free: Sender<Vec<u8>>,
}

impl FrameContent {
    /// An empty one in `buffer`, which goes to `free` in the end.
    #[must_use]
    pub fn new(buffer: Vec<u8>, free: Sender<Vec<u8>>) -> Self {
        Self { buffer, length: 0, free }
    }
}

impl Deref for FrameContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for FrameContent {
    fn drop(&mut self) {
        // Nobody waits for it when the archive has been read.
        let _ = self.free.send(std::mem::take(&mut self.buffer));
    }
}

/// Consecutive bytes of one frame.
pub struct Piece {
    frame: Arc<FrameContent>,
    range: Range<usize>,
}

impl Piece {
    /// The bytes of `frame` at `range`, which must be in it.
    #[must_use]
    pub fn new(frame: Arc<FrameContent>, range: Range<usize>) -> Self {
        Self { frame, range }
    }

    /// Whether both are of one frame.
    #[must_use]
    pub fn shares_frame(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.frame, &other.frame)
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.frame[self.range.clone()]
    }
}

/// A source whose bytes can be lent to another thread.
pub trait Pieces: BufRead {
    /// Takes the next `size` bytes, if they are in one frame; nothing is taken otherwise.
    ///
    /// # Errors
    /// As [`BufRead::fill_buf`].
    fn piece(&mut self, size: usize) -> io::Result<Option<Piece>>;
}

impl<S: Pieces> Pieces for &mut S {
    fn piece(&mut self, size: usize) -> io::Result<Option<Piece>> {
        (**self).piece(size)
    }
}
