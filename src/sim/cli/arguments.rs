//! Words and options of a command line, taken one after the other as wsl.exe does.

use std::ffi::OsString;

use crate::sim::cli::usage::unknown;
use crate::sim::wire::error::{Error, Result};

/// The arguments that are left.
pub struct Words<'a>(pub &'a [OsString]);

/// What followed a command word.
pub struct Options {
    /// What is no option.
    pub positional: Vec<String>,
    /// By name; a switch has an empty value.
    values: Vec<(&'static str, String)>,
}

impl Options {
    /// The value of the first of these that was given.
    pub fn get(&self, names: &[&str]) -> Option<String> {
        let found = self.values.iter().find(|(name, _)| names.contains(name));
        found.map(|(_, value)| value.clone())
    }
}

impl Words<'_> {
    /// The argument at hand.
    pub fn peek(&self) -> Option<String> {
        self.0.first().map(|argument| argument.to_string_lossy().into_owned())
    }

    /// Goes on to the next argument.
    pub fn next(&mut self) -> Option<String> {
        let argument = self.peek()?;
        self.0 = &self.0[1..];
        Some(argument)
    }

    /// The argument after the one at hand; empty if there is none.
    pub fn value(&mut self) -> String {
        self.next();
        self.next().unwrap_or_default()
    }

    /// As [`Words::value`], which must be there.
    pub fn parameter(&mut self, name: &str) -> Result<String> {
        match self.value() {
            empty if empty.is_empty() => {
                Err(Error::Plain(format!("Argument {name} is missing a required parameter.")))
            }
            value => Ok(value),
        }
    }

    /// Everything after the word at hand, as wsl.exe's own parser takes it: options anywhere, then positions.
    pub fn options(&mut self, known: &[(&'static str, bool)]) -> Result<Options> {
        self.next();
        let mut options = Options { positional: Vec::new(), values: Vec::new() };
        while let Some(argument) = self.next() {
            match known.iter().find(|(name, _)| *name == argument) {
                Some((name, false)) => options.values.push((name, String::new())),
                Some((name, true)) => {
                    let value = self.next().ok_or_else(|| {
                        Error::wsl(
                            "Wsl/E_INVALIDARG",
                            format!(
                                "Command line argument {name} requires a value.\n\
                                 Please use 'wsl.exe --help' to get a list of supported arguments."
                            ),
                        )
                    })?;
                    options.values.push((name, value));
                }
                None if argument.len() > 1 && argument.starts_with('-') => {
                    return Err(Error::wsl("Wsl/E_INVALIDARG", unknown(&argument).to_string()));
                }
                None => options.positional.push(argument),
            }
        }
        Ok(options)
    }
}
