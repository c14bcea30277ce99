//! What `nixos-wsl-enter` is asked for: its first argument.

use std::ffi::OsStr;

/// A request. It says what becomes of the caller, with the caller's own rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The caller is a login shell on its way in: if that fails, it opens outside.
    Login,
    /// A login shell beside systemd, or none.
    Enter,
    /// A program beside systemd, or none.
    Program,
}

impl Task {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Enter => "enter",
            Self::Program => "exec",
        }
    }

    /// The task of a word.
    #[must_use]
    pub fn parse(word: &OsStr) -> Option<Self> {
        [Self::Login, Self::Enter, Self::Program].into_iter().find(|task| word == task.word())
    }
}
