//! The hash that orders the names of a directory with an index: half of MD4 (the kernel's `fs/ext4/hash.c`).

/// What a name's hash depends on, of each file system.
#[derive(Clone, Copy, Debug)]
pub struct NameHash {
    /// The first state; of zeros, MD4's own is taken.
    pub seed: [u32; 4],
    /// Whether bytes from 128 up count as negative, as where the file system was made `char` does.
    pub signed: bool,
}

const MD4_STATE: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// What the kernel means by the end of a directory.
const END: u32 = 0x7fff_ffff << 1;

impl NameHash {
    /// The hash of a name; its lowest bit is free.
    #[must_use]
    pub fn of(self, name: &[u8]) -> u32 {
        let mut state = if self.seed == [0; 4] { MD4_STATE } else { self.seed };
        let mut rest = name;
        while !rest.is_empty() {
            transform(&mut state, self.words(rest));
            rest = rest.get(32..).unwrap_or_default();
        }
        match state[1] & !1 {
            END => (0x7fff_ffff - 1) << 1,
            hash => hash,
        }
    }

    /// The first 32 bytes of `rest` as words, filled up with its length.
    fn words(self, rest: &[u8]) -> [u32; 8] {
        // No name is longer than 255 bytes.
        let length = u32::try_from(rest.len()).unwrap_or_default();
        let filling = (length | length << 8) * 0x1_0001;
        let mut words = [filling; 8];
        for (word, bytes) in words.iter_mut().zip(rest.chunks(4)) {
            for &byte in bytes {
                let byte =
                    if self.signed { i32::from(byte.cast_signed()).cast_unsigned() } else { u32::from(byte) };
                *word = byte.wrapping_add(*word << 8);
            }
        }
        words
    }
}

/// One step of MD4 with half of its rounds' words.
fn transform(state: &mut [u32; 4], words: [u32; 8]) {
    type Round = (fn(u32, u32, u32) -> u32, u32, [usize; 8], [u32; 4]);
    const ROUNDS: [Round; 3] = [
        (|x, y, z| z ^ (x & (y ^ z)), 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]),
        (|x, y, z| (x & y).wrapping_add((x ^ y) & z), 0x5a82_7999, [1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13]),
        (|x, y, z| x ^ y ^ z, 0x6ed9_eba1, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]),
    ];
    let mut turned = *state;
    for (function, constant, order, shifts) in ROUNDS {
        for (step, word) in order.into_iter().enumerate() {
            let [a, b, c, d] = turned;
            let sum = a.wrapping_add(function(b, c, d)).wrapping_add(words[word]).wrapping_add(constant);
            // The next step's first is the last of this one.
            turned = [d, sum.rotate_left(shifts[step % 4]), b, c];
        }
    }
    for (value, turned) in state.iter_mut().zip(turned) {
        *value = value.wrapping_add(turned);
    }
}
