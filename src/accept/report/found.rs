//! What a suite has found.

use std::time::Duration;

use serde::Serialize;

use crate::accept::case::{Case, CaseOutcome, Trouble};
use crate::accept::surroundings::{Surroundings, TriedImage};

/// All that a suite has found, to be attached to an issue.
#[derive(Debug, Clone, Serialize)]
pub struct AcceptanceReport {
    /// Version of this format.
    pub version: u32,
    /// Version of the suite.
    pub suite: &'static str,
    /// What was tried.
    pub image: TriedImage,
    /// Where.
    pub surroundings: Surroundings,
    /// How many cases passed.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// How many could not be tried.
    pub skipped: usize,
    /// How long it took.
    pub seconds: f64,
    /// Each case, in the order in which they ran.
    pub results: Vec<CaseResult>,
}

/// How one case ended.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// The case's name.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    /// How it ended.
    pub outcome: CaseOutcome,
    /// What was found, or why it could not be tried.
    pub reason: String,
    /// How long it took.
    pub seconds: f64,
}

impl CaseResult {
    /// A case's.
    #[must_use]
    pub fn new(case: &Case, result: Result<(), Trouble>, took: Duration) -> Self {
        let (outcome, reason) = match result {
            Ok(()) => (CaseOutcome::Pass, String::new()),
            Err(Trouble::Failed(reason)) => (CaseOutcome::Fail, reason),
            Err(Trouble::CannotRun(reason)) => (CaseOutcome::Skip, reason),
        };
        Self { name: case.name, proves: case.proves, outcome, reason, seconds: rounded(took) }
    }
}

impl AcceptanceReport {
    /// Puts it together.
    #[must_use]
    pub fn new(
        image: TriedImage,
        surroundings: Surroundings,
        results: Vec<CaseResult>,
        took: Duration,
    ) -> Self {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for result in &results {
            match result.outcome {
                CaseOutcome::Pass => passed += 1,
                CaseOutcome::Fail => failed += 1,
                CaseOutcome::Skip => skipped += 1,
            }
        }
        Self {
            version: 1,
            suite: env!("CARGO_PKG_VERSION"),
            image,
            surroundings,
            passed,
            failed,
            skipped,
            seconds: rounded(took),
            results,
        }
    }

    /// The lines that say what was tried and where: a name and a value each.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let around = &self.surroundings;
        let mut facts = vec![
            ("suite", format!("nixos-wsl-accept {}", self.suite)),
            ("image", format!("{}, {} bytes", self.image.file, self.image.bytes)),
            ("SHA-256", self.image.sha256.clone()),
            ("on", format!("{}, {}", around.kind, around.machine)),
        ];
        facts.extend(around.wsl.iter().map(|line| ("wsl", line.clone())));
        facts.extend([("kernel", around.kernel.clone()), ("Windows", around.windows.clone())]);
        facts.push((
            "cases",
            format!(
                "{} passed, {} failed, {} skipped in {} s",
                self.passed, self.failed, self.skipped, self.seconds
            ),
        ));
        facts.retain(|(_, value)| !value.is_empty());
        facts
    }
}

/// In seconds, to the hundredth.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}
