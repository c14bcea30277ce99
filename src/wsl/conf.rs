//! The grammar of `/etc/wsl.conf` and `/etc/wsl-distribution.conf`, exactly as WSL's parser has it (W§3.1).
//!
//! WSL looks like an INI reader and is none: a malformed line ends the whole file, the first occurrence of a key
//! wins, quotes toggle in mid-value and an unquoted `#` starts a comment without a space before it.

use std::fmt;

/// One `key = value` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfEntry {
    /// `section.key` as it is spelled in the file; just `key` before any section. Keys match without regard to case.
    pub key: String,
    /// The value: quotes and escapes resolved, unquoted blanks at its end removed, cut at a NUL byte.
    pub value: Vec<u8>,
    /// Line on which the value ends, counted from 1.
    pub line: usize,
}

/// A whole file: what was read, and the diagnostic that ended the reading before the end of the file, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// The entries in the order of the file, repeated keys included.
    pub entries: Vec<ConfEntry>,
    /// Set when a malformed line ended the file: what follows that line is never seen by WSL.
    pub stopped: Option<Diagnostic>,
}

/// A remark of WSL's about one line. `Display` gives WSL's own text without the leading `wsl: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line in the file, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A section's name does not start with a letter. Ends the file.
    InvalidSection,
    /// A line starts with neither a letter, `[` nor `#`. Ends the file.
    InvalidKey,
    /// Something else should stand here. Ends the file.
    Expected(&'static str),
    /// A backslash before anything but `\`, `"`, `b`, `n`, `t` and a line feed (`None`: end of file). Ends the file.
    InvalidEscape(Option<u8>),
    /// No such key; the line has no effect.
    UnknownKey(String),
    /// The key was set before (there, and under that spelling); this line has no effect.
    Duplicated {
        /// The key as spelled here.
        key: String,
        /// The key as spelled on the line that counts.
        first: String,
        /// The line that counts, even if its value is invalid.
        first_line: usize,
    },
    /// Neither `true`, `false`, `1` nor `0`: the default stays.
    InvalidBoolean {
        /// The key as spelled in the file.
        key: String,
        /// The refused value.
        value: String,
    },
    /// Not an integer in C syntax: the default stays.
    InvalidInteger {
        /// The key as spelled in the file.
        key: String,
        /// The refused value.
        value: String,
    },
    /// Not one of the words that the key takes: the default stays.
    InvalidWord {
        /// The key as spelled in the file.
        key: String,
        /// The refused value.
        value: String,
        /// The words it takes.
        valid: &'static [&'static str],
    },
}

impl Problem {
    /// Whether WSL reads nothing after this line.
    #[must_use]
    pub fn ends_file(&self) -> bool {
        matches!(self, Self::InvalidSection | Self::InvalidKey | Self::Expected(_) | Self::InvalidEscape(_))
    }
}

impl fmt::Display for Diagnostic {
    // WSL names /etc/wsl.conf whichever file it reads (W§2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = format_args!("in /etc/wsl.conf:{}", self.line);
        match &self.problem {
            Problem::InvalidSection => write!(f, "Invalid section name {place}"),
            Problem::InvalidKey => write!(f, "Invalid key name {place}"),
            Problem::Expected(what) => write!(f, "Expected {what} {place}"),
            Problem::InvalidEscape(byte) => {
                let shown = byte.map(char::from).unwrap_or_default();
                write!(f, "Invalid escaped character: '{shown}' {place}")
            }
            Problem::UnknownKey(key) => write!(f, "Unknown key '{key}' {place}"),
            Problem::Duplicated { key, first, first_line } => write!(
                f,
                "Duplicated config key '{key}' {place} (Conflicting key: '{first}' in /etc/wsl.conf:{first_line})"
            ),
            Problem::InvalidBoolean { key, value } => {
                write!(f, "Invalid boolean value '{value}' for key '{key}' {place}")
            }
            Problem::InvalidInteger { key, value } => {
                write!(f, "Invalid integer value '{value}' for key '{key}' {place}")
            }
            Problem::InvalidWord { key, value, valid } => write!(
                f,
                "Invalid value '{value}' for config key '{key}' {place} (Valid values: {})",
                valid.join(", ")
            ),
        }
    }
}

/// Parses a file. It never fails: `stopped` tells where WSL gives up.
#[must_use]
pub fn parse(bytes: &[u8]) -> Conf {
    let mut parser = Parser { bytes, at: 0, line: 1 };
    let mut conf = Conf::default();
    if let Err(problem) = parser.file(&mut conf.entries) {
        conf.stopped = Some(Diagnostic { line: parser.line, problem });
    }
    conf
}

/// Quotes a value so that [`parse`] gives it back: `None` if the grammar cannot carry it (a carriage return or NUL).
#[must_use]
pub fn quote(value: &[u8]) -> Option<Vec<u8>> {
    let mut quoted = vec![b'"'];
    for &byte in value {
        match byte {
            b'\r' | 0 => return None,
            b'\\' | b'"' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(*b"\\n"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'"');
    Some(quoted)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        self.bytes[start..self.at].iter().copied().map(char::from).collect()
    }

    fn file(&mut self, entries: &mut Vec<ConfEntry>) -> Result<(), Problem> {
        let mut section = String::new();
        loop {
            self.blanks();
            match self.peek() {
                None => return Ok(()),
                Some(b'\n') => {
                    self.at += 1;
                    self.line += 1;
                }
                // A carriage return ends a line by itself, but only its line feed counts as one.
                Some(b'\r') => self.at += 1,
                // A comment runs to the line feed: a carriage return within does not end it.
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                Some(b'[') => section = self.section()?,
                Some(byte) if byte.is_ascii_alphabetic() => entries.push(self.entry(&section)?),
                Some(_) => return Err(Problem::InvalidKey),
            }
        }
    }

    fn section(&mut self) -> Result<String, Problem> {
        self.at += 1;
        if !self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return Err(Problem::InvalidSection);
        }
        let name = self.word();
        if self.bump() != Some(b']') {
            return Err(Problem::Expected("']'"));
        }
        self.blanks();
        match self.peek() {
            None | Some(b'\n' | b'\r' | b'#') => Ok(name),
            Some(_) => Err(Problem::Expected("' ' or '\\n'")),
        }
    }

    fn entry(&mut self, section: &str) -> Result<ConfEntry, Problem> {
        let word = self.word();
        let key = if section.is_empty() { word } else { format!("{section}.{word}") };
        self.blanks();
        if self.bump() != Some(b'=') {
            return Err(Problem::Expected("'='"));
        }
        self.blanks();
        let value = self.value()?;
        Ok(ConfEntry { key, value, line: self.line })
    }

    fn value(&mut self) -> Result<Vec<u8>, Problem> {
        let mut value = Vec::new();
        // Length without the blanks at the end: quotes, escapes and a continuation all keep the blanks before them.
        let mut length = 0;
        let mut quoted = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' => break,
                b'#' if !quoted => break,
                b'"' => quoted = !quoted,
                b'\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some(escaped @ (b'\\' | b'"')) => value.push(escaped),
                        Some(b'b') => value.push(8),
                        Some(b'n') => value.push(b'\n'),
                        Some(b't') => value.push(b'\t'),
                        Some(b'\n') => self.line += 1,
                        other => return Err(Problem::InvalidEscape(other)),
                    }
                }
                _ => value.push(byte),
            }
            self.at += 1;
            if !matches!(byte, b' ' | b'\t') {
                length = value.len();
            }
        }
        if quoted {
            return Err(Problem::Expected("\""));
        }
        value.truncate(length);
        // WSL hands the value on as a C string.
        if let Some(end) = value.iter().position(|&byte| byte == 0) {
            value.truncate(end);
        }
        Ok(value)
    }
}
