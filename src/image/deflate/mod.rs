//! Finds the last block of a deflate stream (RFC 1951), so that streams made in parallel can be joined into one.
//!
//! Every stream that libdeflate makes ends with a block marked as the last one. To join streams that mark must be cleared,
//! and only walking through the codes tells where the last block starts. No content is decoded: a table entry says how many
//! bits to pass over, for several codes at a time where they fit.

mod bits;
mod canonical;
mod codes;

use bits::Bits;
use codes::Codes;

use super::{ImageError, Result};

/// Where the last block of a stream begins and where it ends, in bits from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastBlock {
    /// The bit that marks the block as the last.
    pub start: usize,
    /// The first bit after the block.
    pub end: usize,
}

/// Walks through `stream`.
///
/// # Errors
/// When it is no whole deflate stream.
pub fn last_block(stream: &[u8]) -> Result<LastBlock> {
    let mut bits = Bits { bytes: stream, at: 0 };
    let mut codes = Codes::default();
    loop {
        let start = bits.at;
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.take(16)?;
                if bits.take(16)? != !length & 0xffff {
                    return Err(ImageError::Deflate("a stored block's length"));
                }
                bits.at += 8 * length as usize;
            }
            1 => {
                codes.fixed()?;
                codes.walk(&mut bits)?;
            }
            2 => {
                codes.read(&mut bits)?;
                codes.walk(&mut bits)?;
            }
            _ => return Err(ImageError::Deflate("a block's type")),
        }
        if bits.at > 8 * stream.len() {
            return Err(ImageError::Deflate("a stream that is cut off"));
        }
        if last {
            return Ok(LastBlock { start, end: bits.at });
        }
    }
}

/// How many bytes [`open_end`] may add.
pub const OPEN_END: usize = 5;

/// Turns the stream that is the first `length` bytes of `buffer` into one that others can follow: the last block's mark is
/// cleared, and an empty stored block ends it on a whole byte. The buffer has room for [`OPEN_END`] bytes more. Gives the new
/// length.
///
/// # Errors
/// As [`last_block`].
pub fn open_end(buffer: &mut [u8], length: usize) -> Result<usize> {
    let last = last_block(&buffer[..length])?;
    buffer[last.start / 8] &= !(1 << (last.start % 8));
    // The empty block's header is three zero bits; what is left of the last byte is zero already.
    let end = last.end.div_ceil(8);
    let sizes = (last.end + 3).div_ceil(8);
    buffer[end..sizes].fill(0);
    buffer[sizes..sizes + 4].copy_from_slice(&[0, 0, 0xff, 0xff]);
    Ok(sizes + 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use libdeflater::{CompressionLvl, Compressor};
    use proptest::prelude::*;

    fn compress(data: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut stream = vec![0; compressor.deflate_compress_bound(data.len())];
        let length = compressor.deflate_compress(data, &mut stream).unwrap();
        stream.truncate(length);
        stream
    }

    /// Joins the streams of `parts` and inflates the result with another library.
    fn joined(parts: &[&[u8]], level: i32) -> Vec<u8> {
        let mut whole = Vec::new();
        for part in parts {
            let mut stream = compress(part, level);
            let length = stream.len();
            // Whatever was in the buffer before.
            stream.resize(length + OPEN_END, 0xa5);
            let length = open_end(&mut stream, length).unwrap();
            whole.extend(&stream[..length]);
        }
        whole.extend([3, 0]);
        let mut found = Vec::new();
        let mut decoder = DeflateDecoder::new(whole.as_slice());
        decoder.read_to_end(&mut found).unwrap();
        assert_eq!(decoder.total_in(), whole.len() as u64, "the end was found early");
        found
    }

    /// Text with words of uneven frequency, so that codes of every length come up.
    fn text(words: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut text = Vec::new();
        for _ in 0..words {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let word = (state >> 33) % 4096;
            text.extend(format!("{:x} ", word * word / 4096).bytes());
        }
        text
    }

    #[test]
    fn joins_streams_of_many_blocks_at_every_level() {
        let (a, b) = (text(300_000, 1), text(100_000, 2));
        for level in 1..=12 {
            assert!(joined(&[&a, &b, &[], &a[..7]], level) == [&a, &b, &a[..7]].concat(), "level {level}");
        }
    }

    #[test]
    fn refuses_what_is_no_stream() {
        let stream = compress(&text(20_000, 3), 6);
        for cut in [0, 1, 5, stream.len() / 2, stream.len() - 1] {
            assert!(last_block(&stream[..cut]).is_err(), "{cut}");
        }
        assert!(last_block(&[7]).is_err(), "a block of type 3");
    }

    proptest! {
        #[test]
        fn joins_any_data(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..5), level in 1..=12) {
            let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(joined(&parts, level), parts.concat());
        }

        #[test]
        fn never_panics(stream in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = last_block(&stream);
        }
    }
}
