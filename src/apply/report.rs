//! What an activation that did its work has to report.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the user should know of an activation that did its work.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// Paths in trees of the plan that somebody else put there, and that stay: all of them when the system boots, those
    /// that were not there before when it runs.
    pub foreign: Vec<PathBuf>,
    /// Files that could not be replaced because something is mounted on the file itself.
    pub mounted: Vec<PathBuf>,
    /// Links in trees of the plan whose target should be in the store and is not there, with the target.
    pub dangling: Vec<(PathBuf, PathBuf)>,
}

impl ApplyReport {
    /// The report in sentences, one for each directory, mount and link.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut trees: BTreeMap<&Path, Vec<Cow<'_, str>>> = BTreeMap::new();
        for path in &self.foreign {
            let names = trees.entry(path.parent().unwrap_or(path)).or_default();
            names.push(path.file_name().unwrap_or_default().to_string_lossy());
        }
        let foreign = trees.iter().map(|(tree, names)| {
            format!("{}: not of this system and left as it is: {}", tree.display(), names.join(", "))
        });
        let mounted = self.mounted.iter().map(|path| {
            format!("{}: something is mounted here, so the file below stays as it was", path.display())
        });
        let dangling = self.dangling.iter().map(|(path, target)| {
            format!(
                "{}: the program is not in its package, the link leads nowhere: {}",
                path.display(),
                target.display()
            )
        });
        foreign.chain(mounted).chain(dangling).collect()
    }
}
