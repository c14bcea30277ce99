//! The checksums of ext4's metadata: CRC-32C, started anew for each file system, group and inode.

/// A CRC-32C that goes on with more bytes, as the kernel's `ext4_chksum` takes it: without the last inversion.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u32);

impl Checksum {
    /// Nothing so far.
    pub const START: Self = Self(!0);

    /// Goes on with `bytes`.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        Self(!crc32c::crc32c_append(!self.0, bytes))
    }

    /// The number that is stored.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }
}
