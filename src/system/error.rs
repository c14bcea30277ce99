//! One form for every failed system call: what it was for, on which file, and why it failed.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A system call that failed. Its text is `ACTION PATH: REASON`, or without the part that nobody gave.
#[derive(Debug, thiserror::Error)]
pub struct Failure {
    action: Cow<'static, str>,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, path, source } = self;
        match (action.is_empty(), path.as_os_str().is_empty()) {
            (true, true) => write!(formatter, "{source}"),
            (true, false) => write!(formatter, "{}: {source}", one_line(path.display())),
            (false, true) => write!(formatter, "{action}: {source}"),
            (false, false) => write!(formatter, "{action} {}: {source}", one_line(path.display())),
        }
    }
}

impl Failure {
    /// A failure to do `action` to the file `path`; either may be empty.
    pub fn new(
        action: impl Into<Cow<'static, str>>,
        path: impl AsRef<Path>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self { action: action.into(), path: path.as_ref().to_owned(), source: source.into() }
    }

    /// The reason that the system gave.
    #[must_use]
    pub fn reason(&self) -> &io::Error {
        &self.source
    }

    /// As [`Failure::reason`], for an error that names the file in its own way.
    #[must_use]
    pub fn into_reason(self) -> io::Error {
        self.source
    }
}

/// The text of an error about something hostile, in one line: parsers quote what they have found, with its line ends and
/// what a terminal would obey.
pub fn one_line(error: impl fmt::Display) -> String {
    let text = error.to_string();
    text.chars()
        .flat_map(|letter| {
            let escaped = letter.is_control();
            escaped.then(|| letter.escape_default()).into_iter().flatten().chain((!escaped).then_some(letter))
        })
        .collect()
}

/// Says what a system call was for, and on which file, if it fails.
pub trait Context<T> {
    /// The call was on the file `path`.
    ///
    /// # Errors
    /// That of the call, with the path.
    fn at(self, path: impl AsRef<Path>) -> Result<T, Failure>;

    /// The call was to do `action`, a verb and its object.
    ///
    /// # Errors
    /// That of the call, with the action.
    fn doing(self, action: impl Into<Cow<'static, str>>) -> Result<T, Failure>;

    /// The call was to do `action`, a verb, to the file `path`.
    ///
    /// # Errors
    /// That of the call, with both.
    fn doing_at(self, action: impl Into<Cow<'static, str>>, path: impl AsRef<Path>) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn at(self, path: impl AsRef<Path>) -> Result<T, Failure> {
        self.doing_at("", path)
    }

    fn doing(self, action: impl Into<Cow<'static, str>>) -> Result<T, Failure> {
        self.doing_at(action, "")
    }

    fn doing_at(self, action: impl Into<Cow<'static, str>>, path: impl AsRef<Path>) -> Result<T, Failure> {
        self.map_err(|source| Failure::new(action, path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_quotes_stays_in_its_line() {
        assert_eq!(one_line("unknown `\n\u{1b}[2Jä`"), "unknown `\\n\\u{1b}[2Jä`");
    }

    #[test]
    fn the_text_has_what_was_given() {
        let failed = || Err::<(), _>(io::Error::other("broken"));
        let text = |result: Result<(), Failure>| result.map_err(|failure| failure.to_string()).unwrap_err();
        assert_eq!(text(failed().at("/etc/x")), "/etc/x: broken");
        assert_eq!(text(failed().doing("make a socket")), "make a socket: broken");
        assert_eq!(text(failed().doing_at("delete", "/etc/x")), "delete /etc/x: broken");
    }
}
