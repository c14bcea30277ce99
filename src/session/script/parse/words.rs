//! Words: names, quotes and expansions.

use super::super::syntax::{Part, Word};
use super::{Parsed, Parser, Refused, ends_word};

/// Variables that a shell makes itself, or does not let go: their values cannot be known here.
const SHELLS_OWN: [&[u8]; 20] = [
    b"UID",
    b"EUID",
    b"PPID",
    b"HOSTNAME",
    b"HOSTTYPE",
    b"MACHTYPE",
    b"OSTYPE",
    b"RANDOM",
    b"SRANDOM",
    b"SECONDS",
    b"LINENO",
    b"SHLVL",
    b"IFS",
    b"PWD",
    b"OLDPWD",
    b"OPTIND",
    b"SHELLOPTS",
    b"GROUPS",
    b"FUNCNAME",
    b"_",
];

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What an unquoted word cannot have here: substitutions, redirections, patterns, braces, home directories.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'`' | b'<' | b'>' | b'(' | b')' | b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'~' | b'!' | 0
    )
}

impl<'a> Parser<'a> {
    pub(super) fn name(&mut self) -> Parsed<&'a [u8]> {
        let text = self.text;
        let start = self.at;
        if !self.peek().is_some_and(is_name_start) {
            return Err(Refused);
        }
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        // A shell reads on in the next line, in the same name.
        if text[self.at..].starts_with(b"\\\n") {
            return Err(Refused);
        }
        let name = &text[start..self.at];
        if SHELLS_OWN.contains(&name) || name.starts_with(b"BASH") { Err(Refused) } else { Ok(name) }
    }

    /// What stands up to a byte that ends it, or to the end of the text.
    fn literal(&mut self, is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|&byte| is_end(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A word up to the next blank. In an assignment expansions outside quotes are not split, elsewhere they would be.
    pub(super) fn word(&mut self, in_assignment: bool) -> Parsed<Word<'a>> {
        self.skip_blanks_unless(in_assignment);
        let start = self.at;
        let mut word = Word::new();
        while let Some(byte) = self.peek() {
            match byte {
                _ if ends_word(byte) => break,
                b'"' => {
                    self.at += 1;
                    self.quoted(&mut word)?;
                }
                b'\'' => {
                    self.at += 1;
                    let text = self.literal(|byte| byte == b'\'');
                    word.push(Part::Literal(text));
                    self.peek().ok_or(Refused)?;
                    self.at += 1;
                }
                b'\\' => {
                    let next = self.text.get(self.at + 1..self.at + 2).ok_or(Refused)?;
                    self.at += 2;
                    if next != b"\n" {
                        word.push(Part::Literal(next));
                    }
                }
                b'$' if in_assignment => self.expansion(&mut word)?,
                _ if byte == b'$' || is_special(byte) => return Err(Refused),
                _ => {
                    let is_end = |byte| {
                        ends_word(byte) || is_special(byte) || matches!(byte, b'"' | b'\'' | b'\\' | b'$')
                    };
                    word.push(Part::Literal(self.literal(is_end)));
                }
            }
        }
        // An argument must be there, if only as ""; an assignment may end with its equals sign.
        if in_assignment || self.at > start { Ok(word) } else { Err(Refused) }
    }

    fn skip_blanks_unless(&mut self, not: bool) {
        if !not {
            self.skip_blanks();
        }
    }

    /// The rest of a double-quoted text.
    fn quoted(&mut self, word: &mut Word<'a>) -> Parsed<()> {
        loop {
            let byte = self.peek().ok_or(Refused)?;
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'`' | 0 => return Err(Refused),
                b'$' => self.expansion(word)?,
                b'\\' => self.escape(word)?,
                _ => {
                    let text = self.literal(|byte| matches!(byte, b'"' | b'`' | 0 | b'$' | b'\\'));
                    word.push(Part::Literal(text));
                }
            }
        }
    }

    /// A backslash between double quotes: it escapes few characters and is itself before all others.
    fn escape(&mut self, word: &mut Word<'a>) -> Parsed<()> {
        let pair = self.text.get(self.at..self.at + 2).ok_or(Refused)?;
        self.at += 2;
        match pair[1] {
            b'\n' => {}
            b'$' | b'`' | b'"' | b'\\' => word.push(Part::Literal(&pair[1..])),
            _ => word.push(Part::Literal(pair)),
        }
        Ok(())
    }

    fn expansion(&mut self, word: &mut Word<'a>) -> Parsed<()> {
        self.at += 1; // the dollar sign
        if !self.eat(b"{") {
            word.push(Part::Variable(self.name()?));
            return Ok(());
        }
        let name = self.name()?;
        if self.eat(b"}") {
            word.push(Part::Variable(name));
            return Ok(());
        }
        let colon = self.eat(b":");
        let plus = match self.peek() {
            Some(b'+') => true,
            Some(b'-') => false,
            _ => return Err(Refused),
        };
        self.at += 1;
        let mut inner = Word::new();
        while !self.eat(b"}") {
            match self.peek().ok_or(Refused)? {
                b'$' => self.nested(|parser| parser.expansion(&mut inner))?,
                // Quotes in here depend on the quotes around.
                b'"' | b'\'' | b'\\' | b'`' | b'{' | b'~' | 0 => return Err(Refused),
                _ => {
                    let is_end =
                        |byte| matches!(byte, b'}' | b'$' | b'"' | b'\'' | b'\\' | b'`' | b'{' | b'~' | 0);
                    inner.push(Part::Literal(self.literal(is_end)));
                }
            }
        }
        word.push(Part::Conditional { name, colon, plus, word: inner });
        Ok(())
    }
}
