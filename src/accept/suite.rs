//! Runs the cases one after another on one distribution.

use std::path::Path;
use std::time::Instant;

use super::bench::Bench;
use super::call::WslProgram;
use super::case::Case;
use super::cases;
use super::names::fits;
use super::report::{AcceptanceReport, CaseResult};
use super::surroundings::{Surroundings, TriedImage};
use super::trouble::Trouble;

/// What is to be tried.
pub struct Suite<'a> {
    /// wsl.exe.
    pub wsl: WslProgram,
    /// The image.
    pub image: &'a Path,
    /// Folder for the disks, instead of the one for temporary files.
    pub directory: Option<&'a Path>,
    /// The cases to try.
    pub cases: &'a [&'static Case],
}

/// The cases that patterns name; all where there is no pattern.
#[must_use]
pub fn chosen(only: &[String]) -> Vec<&'static Case> {
    let named = |case: &&Case| only.is_empty() || only.iter().any(|pattern| fits(pattern, case.name));
    cases::all().filter(named).collect()
}

impl Suite<'_> {
    /// Runs it. `progress` is told each result as it comes.
    ///
    /// # Errors
    /// The image cannot be read, or wsl.exe not be started.
    pub fn run(&self, progress: &mut dyn FnMut(&CaseResult)) -> Result<AcceptanceReport, Trouble> {
        let start = Instant::now();
        let image = TriedImage::read(self.image)
            .map_err(|error| Trouble::Failed(format!("{}: {error}", self.image.display())))?;
        let mut surroundings = Surroundings::find(&self.wsl)?;
        let bench = Bench::import(self.wsl.clone(), self.image, self.directory);
        let mut results = Vec::new();
        for case in self.cases {
            let begun = Instant::now();
            let ended = match &bench {
                Ok(bench) => tried(case, bench, &surroundings),
                Err(trouble) => Err(Trouble::Failed(format!("the image was not imported: {trouble}"))),
            };
            let result = CaseResult::new(case, ended, begun.elapsed());
            progress(&result);
            results.push(result);
        }
        if let Ok(bench) = &bench {
            // Not before the cases, the first of which is about the first command there is.
            surroundings.ask_kernel(bench);
        }
        drop(bench);
        Ok(AcceptanceReport::new(image, surroundings, results, start.elapsed()))
    }
}

fn tried(case: &Case, bench: &Bench, surroundings: &Surroundings) -> Result<(), Trouble> {
    match case.needs.iter().find_map(|need| surroundings.lacks(*need, bench)) {
        Some(lack) => Err(Trouble::CannotRun(lack)),
        None => (case.body)(bench),
    }
}
