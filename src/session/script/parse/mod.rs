//! The parser: recursive descent over bytes, refusing whatever it does not know.

mod commands;
mod conditions;
mod words;

use super::syntax::Statement;

/// The text needs a real shell.
struct Refused;

type Parsed<T> = Result<T, Refused>;

/// Parses the whole text, or nothing.
pub(super) fn script(text: &[u8]) -> Option<Vec<Statement<'_>>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.statements(&[]).ok()
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// How deep `if`, `!` and expansions may stand in each other: each level takes some of a login shell's stack.
const DEEPEST: usize = 50;

/// One level more, if there may be one.
fn deeper(depth: usize) -> Parsed<usize> {
    if depth < DEEPEST { Ok(depth + 1) } else { Err(Refused) }
}

/// What ends an unquoted word.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|')
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Parses what may have the same in it again.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let depth = self.depth;
        self.depth = deeper(depth)?;
        let parsed = inner(self);
        self.depth = depth;
        parsed
    }

    fn eat(&mut self, token: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        while self.eat(b" ") || self.eat(b"\t") || self.eat(b"\\\n") {}
    }

    /// Skips blanks, comments and ends of lines.
    fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n') => self.at += 1,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Reads a keyword if it stands here as a whole word.
    fn keyword(&mut self, word: &[u8]) -> bool {
        let end = self.at + word.len();
        let whole = self.text.get(end).is_none_or(|&byte| ends_word(byte));
        whole && self.eat(word)
    }
}
