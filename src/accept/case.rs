//! What a case is, and how it can end.

use super::bench::Bench;
// What the cases' own files take from here.
pub use super::trouble::{Trouble, check};

/// One thing that an image has to do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, in words with hyphens.
    pub name: &'static str,
    /// What is known when it passes.
    pub proves: &'static str,
    /// What it needs that not every machine has.
    pub needs: &'static [Need],
    /// Does it.
    pub body: fn(&Bench) -> Result<(), Trouble>,
}

/// What a case needs beside an image; without it the case cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Windows itself behind wsl.exe.
    Windows,
    /// Nix's cache on the internet, seen from the distribution.
    Internet,
    /// Somebody at the machine.
    Hands(&'static str),
}

/// How a case ended.
#[derive(Debug, Clone)]
pub enum CaseOutcome {
    /// As it should be.
    Pass,
    /// It is not as it should be: what was found.
    Fail(String),
    /// It could not be tried: why.
    Skip(String),
}

impl CaseOutcome {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Skip(_) => "skip",
        }
    }

    /// What was found, or why it could not be tried.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Pass => "",
            Self::Fail(reason) | Self::Skip(reason) => reason,
        }
    }
}

impl From<Result<(), Trouble>> for CaseOutcome {
    fn from(result: Result<(), Trouble>) -> Self {
        match result {
            Ok(()) => Self::Pass,
            Err(Trouble::Failed(reason)) => Self::Fail(reason),
            Err(Trouble::CannotRun(reason)) => Self::Skip(reason),
        }
    }
}
