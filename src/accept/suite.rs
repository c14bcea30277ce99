//! Runs the cases one after another on one distribution.

use std::path::Path;
use std::time::Instant;

use super::bench::Bench;
use super::call::WslProgram;
use super::case::Case;
use super::cases;
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

/// Whether a pattern, in which `*` stands for any text, is a case's name.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(left) = name.strip_prefix(start) else { return false };
    (0..=left.len()).any(|at| left.is_char_boundary(at) && fits(rest, &left[at..]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fit) in [
            ("shell-*", "shell-fish", true),
            ("*-fish", "shell-fish", true),
            ("s*l*h", "shell-fish", true),
            ("*", "", true),
            ("shell", "shell-fish", false),
            ("shell-fish", "shell-fish", true),
            ("*x", "shell-fish", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
