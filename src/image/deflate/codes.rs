//! The two codes of a block, and tables by which a block is passed over.

use super::bits::Bits;
use super::canonical::Code;
use crate::image::{ImageError, Result};

/// Bits that one look-up of a literal or length covers, and of a distance.
const LITERAL_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 9;

/// Flags of a table entry, beside the number of bits to pass over.
const DISTANCE_FOLLOWS: u16 = 1 << 14;
const END_OF_BLOCK: u16 = 1 << 15;
const COUNT: u16 = 0xff;

/// The order in which a dynamic block lists the lengths of its first code (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The two codes of a block.
#[derive(Default)]
pub struct Codes {
    literals: Code,
    distances: Code,
    literal_table: Vec<u16>,
    distance_table: Vec<u16>,
    single: Vec<(u16, u8)>,
}

impl Codes {
    /// Takes the codes of RFC 1951, 3.2.6.
    pub fn fixed(&mut self) -> Result<()> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.set(&lengths, &[5; 30])
    }

    /// Takes the codes at the head of a dynamic block (RFC 1951, 3.2.7).
    ///
    /// # Errors
    /// When there are none.
    pub fn read(&mut self, bits: &mut Bits) -> Result<()> {
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
    ///
    /// # Errors
    /// When the stream has what is no code, or ends before.
    pub fn walk(&self, bits: &mut Bits) -> Result<()> {
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
