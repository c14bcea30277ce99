//! A deflate stream as bits.

use crate::image::{ImageError, Result};

/// A stream read bit by bit, the least significant first.
pub struct Bits<'a> {
    /// The stream.
    pub bytes: &'a [u8],
    /// The present place, in bits from the start.
    pub at: usize,
}

impl Bits<'_> {
    /// At least 56 bits from the present place, zeros behind the end.
    #[inline]
    pub fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = if let Some(window) = self.bytes.get(byte..byte + 8) {
            window.try_into().map_or(0, u64::from_le_bytes)
        } else {
            let rest = self.bytes.get(byte..).unwrap_or_default();
            rest.iter().rev().fold(0, |word, &next| word << 8 | u64::from(next))
        };
        word >> (self.at % 8)
    }

    /// The next `count` bits, at most 16.
    ///
    /// # Errors
    /// When the stream ends before.
    pub fn take(&mut self, count: u32) -> Result<u32> {
        let value = self.peek() & ((1 << count) - 1);
        self.at += count as usize;
        if self.at > 8 * self.bytes.len() {
            return Err(ImageError::Deflate("a stream that is cut off"));
        }
        u32::try_from(value).map_err(|_| ImageError::Deflate("a number"))
    }
}
