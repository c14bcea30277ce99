//! What a case is, and how it can end.

use std::fmt;

use serde::Serialize;

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
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseOutcome {
    /// As it should be.
    Pass,
    /// It is not as it should be.
    Fail,
    /// It could not be tried.
    Skip,
}

impl fmt::Display for CaseOutcome {
    /// The word that a report has for it.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(formatter)
    }
}
