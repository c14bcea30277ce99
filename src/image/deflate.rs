//! Finds the last block of a deflate stream (RFC 1951), so that streams made in parallel can be joined into one.
//!
//! Every stream that libdeflate makes ends with a block marked as the last one. To join streams that mark must be cleared,
//! and only walking through the codes tells where the last block starts. No content is decoded: a table entry says how many
//! bits to pass over, for several codes at a time where they fit.

use super::{ImageError, Result};

/// Bits that one look-up of a literal or length covers, and of a distance.
const LITERAL_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 9;

/// The longest code.
const MAX_BITS: usize = 15;

/// Flags of a table entry, beside the number of bits to pass over.
const DISTANCE_FOLLOWS: u16 = 1 << 14;
const END_OF_BLOCK: u16 = 1 << 15;
const COUNT: u16 = 0xff;

/// The order in which a dynamic block lists the lengths of its first code (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

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

/// Turns `stream` into one that others can follow: the last block's mark is cleared, and an empty stored block ends it on a
/// whole byte.
///
/// # Errors
/// As [`last_block`].
pub fn open_end(stream: &mut Vec<u8>) -> Result<()> {
    let last = last_block(stream)?;
    stream[last.start / 8] &= !(1 << (last.start % 8));
    // The empty block's header is three zero bits; what is left of the last byte is zero already.
    let bytes = (last.end + 3).div_ceil(8);
    stream.truncate(last.end.div_ceil(8));
    stream.resize(bytes, 0);
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    Ok(())
}

/// A stream read bit by bit, the least significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At least 56 bits from the present place, zeros behind the end.
    #[inline]
    fn peek(&self) -> u64 {
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
    fn take(&mut self, count: u32) -> Result<u32> {
        let value = self.peek() & ((1 << count) - 1);
        self.at += count as usize;
        if self.at > 8 * self.bytes.len() {
            return Err(ImageError::Deflate("a stream that is cut off"));
        }
        u32::try_from(value).map_err(|_| ImageError::Deflate("a number"))
    }
}

/// The two codes of a block.
#[derive(Default)]
struct Codes {
    literals: Code,
    distances: Code,
    literal_table: Vec<u16>,
    distance_table: Vec<u16>,
    single: Vec<(u16, u8)>,
}

impl Codes {
    /// The codes of RFC 1951, 3.2.6.
    fn fixed(&mut self) -> Result<()> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.set(&lengths, &[5; 30])
    }

    /// The codes at the head of a dynamic block (RFC 1951, 3.2.7).
    fn read(&mut self, bits: &mut Bits) -> Result<()> {
        let literals = bits.take(5)? as usize + 257;
        let distances = bits.take(5)? as usize + 1;
        let listed = bits.take(4)? as usize + 4;
        let mut lengths = [0; ORDER.len()];
        for &symbol in &ORDER[..listed] {
            lengths[symbol] = u8::try_from(bits.take(3)?).unwrap_or_default();
        }
        let first = Code::new(&lengths)?;
        let mut lengths = [0; 288 + 32];
        let mut at = 0;
        while at < literals + distances {
            let (symbol, used) = first.decode(bits.peek())?;
            bits.at += used as usize;
            let (length, times) = match symbol {
                16 if at > 0 => (lengths[at - 1], 3 + bits.take(2)?),
                17 => (0, 3 + bits.take(3)?),
                18 => (0, 11 + bits.take(7)?),
                _ => (u8::try_from(symbol).unwrap_or_default(), 1),
            };
            let end = at + times as usize;
            if symbol == 16 && at == 0 || end > literals + distances {
                return Err(ImageError::Deflate("a code's lengths"));
            }
            lengths[at..end].fill(length);
            at = end;
        }
        self.set(&lengths[..literals], &lengths[literals..literals + distances])
    }

    /// Makes the codes and their tables.
    fn set(&mut self, literals: &[u8], distances: &[u8]) -> Result<()> {
        self.literals = Code::new(literals)?;
        self.distances = Code::new(distances)?;
        self.distances.fill(&mut self.single, DISTANCE_BITS);
        self.distance_table.clear();
        self.distance_table.extend(self.single.iter().map(|&(symbol, used)| match used {
            0 => 0,
            _ => entry(u32::from(used) + distance_extra(symbol.into())),
        }));
        self.literals.fill(&mut self.single, LITERAL_BITS);
        self.literal_table.clear();
        self.literal_table.extend((0..self.single.len()).map(|window| several(&self.single, window)));
        Ok(())
    }

    /// Passes over a block's codes, its end included.
    fn walk(&self, bits: &mut Bits) -> Result<()> {
        // Slices of a length the compiler knows need no bounds check.
        let literals: &[u16; 1 << LITERAL_BITS] =
            self.literal_table.as_slice().try_into().map_err(|_| ImageError::Deflate("a table"))?;
        let distances: &[u16; 1 << DISTANCE_BITS] =
            self.distance_table.as_slice().try_into().map_err(|_| ImageError::Deflate("a table"))?;
        let end = 8 * bits.bytes.len();
        while bits.at <= end {
            // 56 bits are enough for a length (15 + 5) and a distance (15 + 13) one after the other.
            let mut window = bits.peek();
            let mut found = literals[(window & ((1 << LITERAL_BITS) - 1)) as usize];
            if found == 0 {
                let (symbol, used) = self.literals.decode(window)?;
                found = literal_entry(symbol, used);
            }
            let mut used = u32::from(found & COUNT);
            if found & DISTANCE_FOLLOWS != 0 {
                window >>= used;
                let found = distances[(window & ((1 << DISTANCE_BITS) - 1)) as usize];
                used += if found == 0 {
                    let (symbol, length) = self.distances.decode(window)?;
                    length + distance_extra(symbol)
                } else {
                    u32::from(found)
                };
            }
            bits.at += used as usize;
            if found & END_OF_BLOCK != 0 {
                return Ok(());
            }
        }
        Err(ImageError::Deflate("a block without an end"))
    }
}

/// The table's entry for `window`: as many literals as it holds whole, and the length or end after them if that fits too.
fn several(single: &[(u16, u8)], window: usize) -> u16 {
    let mut total = 0;
    loop {
        let (symbol, used) = single[window >> total];
        // Bits past the window read as zeros there: a code that would need them is not known yet.
        if used == 0 || total + u32::from(used) > LITERAL_BITS {
            return entry(total);
        }
        total += u32::from(used);
        if symbol >= 256 {
            return literal_entry(symbol.into(), total);
        }
    }
}

/// The entry of a literal, length or end whose code ends after `used` bits.
fn literal_entry(symbol: u32, used: u32) -> u16 {
    match symbol {
        ..256 => entry(used),
        256 => entry(used) | END_OF_BLOCK,
        _ => entry(used + length_extra(symbol)) | DISTANCE_FOLLOWS,
    }
}

/// A number of bits as a table entry.
fn entry(bits: u32) -> u16 {
    u16::try_from(bits).unwrap_or_default() & COUNT
}

/// How many bits follow the code of a length (RFC 1951, 3.2.5).
fn length_extra(symbol: u32) -> u32 {
    match symbol {
        265..=284 => (symbol - 261) / 4,
        _ => 0,
    }
}

/// How many bits follow the code of a distance (RFC 1951, 3.2.5).
fn distance_extra(symbol: u32) -> u32 {
    (symbol / 2).saturating_sub(1)
}

/// A canonical code: symbols by length and then by value.
#[derive(Default)]
struct Code {
    counts: [u32; MAX_BITS + 1],
    symbols: Vec<u16>,
}

impl Code {
    /// The code in which the symbol `i` has `lengths[i]` bits.
    fn new(lengths: &[u8]) -> Result<Self> {
        let mut counts = [0; MAX_BITS + 1];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let mut room = 1_i64;
        for &count in &counts[1..] {
            room = 2 * room - i64::from(count);
            if room < 0 {
                return Err(ImageError::Deflate("a code with too many symbols"));
            }
        }
        let mut next = [0; MAX_BITS + 1];
        for length in 1..MAX_BITS {
            next[length + 1] = next[length] + counts[length] as usize;
        }
        let mut symbols = vec![0; next[MAX_BITS] + counts[MAX_BITS] as usize];
        for (symbol, &length) in (0_u16..).zip(lengths).filter(|(_, length)| **length > 0) {
            let place = &mut next[usize::from(length)];
            symbols[*place] = symbol;
            *place += 1;
        }
        Ok(Self { counts, symbols })
    }

    /// Puts into `table` the symbol and its number of bits for every window of `bits` bits; 0 bits where a code is longer.
    fn fill(&self, table: &mut Vec<(u16, u8)>, bits: u32) {
        table.clear();
        table.resize(1 << bits, (0, 0));
        let mut symbols = self.symbols.iter();
        let mut code = 0_u32;
        for (length, &count) in (0_u32..).zip(&self.counts).skip(1).take(bits as usize) {
            code <<= 1;
            for &symbol in symbols.by_ref().take(count as usize) {
                // Codes are packed with their most significant bit first.
                let reversed = (code.reverse_bits() >> (u32::BITS - length)) as usize;
                for place in table[reversed..].iter_mut().step_by(1 << length) {
                    *place = (symbol, u8::try_from(length).unwrap_or_default());
                }
                code += 1;
            }
        }
    }

    /// The first symbol in `window` and the number of its bits.
    fn decode(&self, window: u64) -> Result<(u32, u32)> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for (length, &count) in (0_u32..).zip(&self.counts).skip(1) {
            code |= u32::try_from(window >> (length - 1) & 1).unwrap_or_default();
            if code < first + count {
                let symbol = self.symbols.get((index + code - first) as usize);
                return symbol.map(|&symbol| (symbol.into(), length)).ok_or(ImageError::Deflate("a code"));
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(ImageError::Deflate("a code"))
    }
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
            open_end(&mut stream).unwrap();
            whole.extend(stream);
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
