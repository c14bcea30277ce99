//! Changed inputs for the short runs, which have no coverage to guide them: the corpus has that in it.

use std::time::{SystemTime, UNIX_EPOCH};

/// What breaks arithmetic, nesting and texts.
const TOKENS: [&[u8]; 20] = [
    b"0",
    b"-1",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551615",
    b"0x7fffffff",
    b"\0",
    b"\n",
    b"\r",
    b"\\",
    b"\"",
    b"'",
    b"..",
    b"/",
    b"\xff",
    b"\xc3\x28",
    b"[",
    b"{",
    b"%",
];

/// Longer inputs find nothing that shorter ones do not, and slow the run down.
const LONGEST: usize = 8 << 10;

/// Makes inputs from a corpus without end.
pub struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutator<'a> {
    /// Starts anew each time: what a run finds is written down by who runs it.
    pub fn new(corpus: &'a [Vec<u8>]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { corpus, state: u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap() | 1 }
    }

    /// An input that is one of the corpus but for some changes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.pick(self.corpus).clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(64) + 1);
        match self.below(7) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = u8::try_from(self.below(256)).unwrap(),
            2 => drop(input.drain(at..end)),
            3 => {
                let token = *self.pick(&TOKENS);
                drop(input.splice(at..end, token.iter().copied()));
            }
            4 => {
                let token = *self.pick(&TOKENS);
                drop(input.splice(at..at, token.iter().copied()));
            }
            5 => {
                let copy = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                drop(input.splice(to..to, copy));
            }
            _ => {
                let other = self.pick(self.corpus);
                let from = self.below(other.len() + 1);
                let to = from + self.below(other.len() - from + 1);
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
        }
    }

    fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }

    /// A number below `end`, by xorshift.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % u64::try_from(end).unwrap()).unwrap()
    }
}
