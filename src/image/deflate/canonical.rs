//! The canonical codes of deflate (RFC 1951, 3.2.2).

use crate::image::{ImageError, Result};

/// The longest code.
const MAX_BITS: usize = 15;

/// A canonical code: symbols by length and then by value.
#[derive(Default)]
pub struct Code {
    counts: [u32; MAX_BITS + 1],
    symbols: Vec<u16>,
}

impl Code {
    /// The code in which the symbol `i` has `lengths[i]` bits.
    ///
    /// # Errors
    /// When there are more symbols than codes of these lengths.
    pub fn new(lengths: &[u8]) -> Result<Self> {
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
    pub fn fill(&self, table: &mut Vec<(u16, u8)>, bits: u32) {
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
    ///
    /// # Errors
    /// When no code begins like that.
    pub fn decode(&self, window: u64) -> Result<(u32, u32)> {
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
