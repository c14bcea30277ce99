//! What a file system is written to: a file as large as the disk, or a virtual disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A disk of a fixed size, all of it zero at first. Offsets and lengths are in bytes.
pub trait BlockDevice {
    /// Writes `bytes` at `offset`.
    ///
    /// # Errors
    /// When what is behind takes no more, or the place is beyond the disk's end.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills `buffer` with what is at `offset`.
    ///
    /// # Errors
    /// When it cannot be read, or the place is beyond the disk's end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl BlockDevice for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}
