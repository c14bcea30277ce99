//! The archive as a stream of tar bytes, lent from the frames as they are decompressed.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::thread::Scope;

use super::frames::{Frames, VerifiedArchive};
use super::pieces::{FrameContent, Piece, Pieces};

/// The decompressed bytes.
pub struct Source<'scope> {
    frames: Frames<'scope>,
    frame: Option<Arc<FrameContent>>,
    at: usize,
}

impl<'scope> Source<'scope> {
    /// Starts to read `file`.
    #[must_use]
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, file: File) -> Self {
        Self { frames: Frames::start(scope, file), frame: None, at: 0 }
    }

    /// Reads the rest and tells what the file was.
    ///
    /// # Errors
    /// When it could not be read or decompressed.
    pub fn finish(self) -> io::Result<VerifiedArchive> {
        drop(self.frame);
        self.frames.finish()
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
        while self.frame.as_ref().is_none_or(|frame| self.at == frame.len()) {
            // Its buffer may be the one that the next frame waits for.
            self.frame = None;
            self.at = 0;
            let Some(frame) = self.frames.next() else { return Ok(&[]) };
            self.frame = Some(Arc::new(frame?));
        }
        Ok(self.frame.as_deref().map_or(&[], |frame| &frame[self.at..]))
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Pieces for Source<'_> {
    fn piece(&mut self, size: usize) -> io::Result<Option<Piece>> {
        if self.fill_buf()?.len() < size {
            return Ok(None);
        }
        let range = self.at..self.at + size;
        self.at = range.end;
        Ok(self.frame.as_ref().map(|frame| Piece::new(Arc::clone(frame), range)))
    }
}
