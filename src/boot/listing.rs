//! The generations as the user sees them: date, version, and why one failed to boot.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::counting;
use crate::system::activation::CURRENT;
use crate::system::date;
use crate::system::generations::{self, Generation, PROFILES};
use crate::system::root::Root;

/// One line of the list.
#[derive(Debug)]
pub struct GenerationLine {
    /// The generation.
    pub generation: Generation,
    /// When it was made, or imported with its image, `2026-11-23 02:18` in UTC.
    pub date: String,
    /// NixOS's version, if the system says it.
    pub version: String,
    /// The profile leads to it: it boots next, if nothing else is chosen.
    pub current: bool,
    /// It was started last, and came so far.
    pub start: Option<LastStart>,
    /// It was activated last: by a start, `nixos-rebuild switch` or `test`.
    pub active: bool,
    /// It was chosen for the next start only.
    pub once: bool,
    /// Why it cannot boot, or did not.
    pub failure: Option<String>,
}

/// How far the last start came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastStart {
    /// Its target has not been reached.
    Starting,
    /// It is up.
    Booted,
}

impl GenerationLine {
    /// What is to be said of it in a word or two.
    #[must_use]
    pub fn remarks(&self) -> String {
        let start = match self.start {
            Some(LastStart::Starting) => "starting",
            Some(LastStart::Booted) | None => "booted",
        };
        let marks = [
            (self.active, "active"),
            (self.start.is_some(), start),
            (self.current, "default"),
            (self.once, "next start"),
        ];
        let marks: Vec<_> = marks.iter().filter(|mark| mark.0).map(|mark| mark.1).collect();
        marks.join(", ")
    }
}

/// The list, the oldest generation first and at the end an active system that is none, with a warning for each file that
/// cannot be used.
#[must_use]
pub fn list(root: &Root) -> (Vec<GenerationLine>, Vec<String>) {
    let (state, warning) = counting::load(root);
    let mut warnings: Vec<String> = warning.into_iter().collect();
    let current = generations::current(root).ok();
    let booted = std::fs::read_link(root.path("/run/booted-system")).ok();
    let active = std::fs::read_link(root.path(CURRENT)).ok();
    let mut all = generations::all(root);
    all.reverse();
    if let Some(system) = &active
        && !all.iter().any(|generation| generation.toplevel == *system)
    {
        all.push(Generation { number: None, toplevel: system.clone() });
    }
    let lines: Vec<GenerationLine> = all
        .into_iter()
        .map(|generation| {
            let record = state.systems.get(&generation.toplevel);
            let remembered = record.and_then(|record| record.passed_over().or(record.failure.clone()));
            GenerationLine {
                date: date(root, &generation),
                version: version(root, &generation)
                    .map_err(|reason| warnings.push(reason))
                    .unwrap_or_default()
                    .unwrap_or_default(),
                current: current.as_ref() == Some(&generation),
                start: (booted.as_ref() == Some(&generation.toplevel)).then_some(match record {
                    Some(record) if record.starting => LastStart::Starting,
                    _ => LastStart::Booted,
                }),
                active: active.as_ref() == Some(&generation.toplevel),
                once: state.once.is_some() && state.once == generation.number,
                failure: generation.bootable(root).err().or(remembered),
                generation,
            }
        })
        .collect();
    (lines, warnings)
}

fn date(root: &Root, generation: &Generation) -> String {
    let Some(number) = generation.number else { return String::new() };
    let link: PathBuf = root.path(PROFILES).join(format!("system-{number}-link"));
    let Ok(found) = link.symlink_metadata() else { return String::new() };
    // Images say 1970; the link itself was made when it was imported, where the file system remembers.
    let from_image = found.mtime() < 24 * 3600;
    let time = if from_image { found.created() } else { found.modified() };
    time.map(date::minutes).unwrap_or_default()
}

/// The text of a system's `nixos-version`, one line of it; nothing if the system does not say.
///
/// # Errors
/// One line that names the file, if it is there and cannot be used.
pub fn version(root: &Root, generation: &Generation) -> Result<Option<String>, String> {
    let file = generation.file("nixos-version");
    let message = |reason: String| format!("{}: {reason}", file.display());
    match root.read(&file, 4096) {
        Ok(bytes) if bytes.contains(&0) => Err(message("it is not a text".into())),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(message(error.to_string())),
    }
}
