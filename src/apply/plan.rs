//! What `nixos-wsl/root.json` of a system says (docs/design.md).

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::error::ApplyError;
use crate::system::error::one_line;
use crate::system::root::Root;

/// The link to the shell itself, next to its wrapper.
pub(super) const REAL: &str = "real";
const LIMIT: u64 = 16 << 20;

/// The files of the root outside the store that a system brings.
#[derive(Debug, Default, Deserialize)]
pub struct Plan {
    version: u32,
    #[serde(default)]
    pub(super) files: Vec<PlannedFile>,
    #[serde(default)]
    pub(super) links: Vec<PlannedLink>,
    #[serde(default)]
    pub(super) trees: Vec<PlannedTree>,
    pub(super) shells: Option<Shells>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedFile {
    pub path: PathBuf,
    pub source: PathBuf,
    pub mode: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedLink {
    pub path: PathBuf,
    pub target: PathBuf,
}

/// A directory whose names come and go with the plan.
#[derive(Debug, Deserialize)]
pub(super) struct PlannedTree {
    pub path: PathBuf,
    /// Names that another program makes there; they stay and are not reported.
    #[serde(default)]
    pub keep: Vec<String>,
    /// These stay only while this path exists.
    #[serde(default, rename = "keepWhile")]
    keep_while: Option<PathBuf>,
    /// Nobody else has a business there: what neither the plan nor `keep` names is removed.
    #[serde(default)]
    pub exclusive: bool,
    pub entries: Vec<PlannedEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedEntry {
    pub name: String,
    #[serde(flatten)]
    pub content: PlannedContent,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PlannedContent {
    Copy { source: PathBuf, mode: String },
    Link { target: PathBuf },
}

/// All wrappers that a system knows.
#[derive(Debug, Deserialize)]
pub(super) struct Shells {
    /// Their folder; each is `OWNER/NAME` in it.
    pub path: PathBuf,
    /// The program that each of them is a copy of.
    pub source: PathBuf,
    /// The shell of those whose own is gone.
    #[serde(default)]
    default: Option<PathBuf>,
    pub wrappers: Vec<Wrapper>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wrapper {
    pub path: PathBuf,
    /// The shell that it runs.
    pub shell: PathBuf,
}

impl Plan {
    /// Reads a plan and checks every path, name and mode in it: one that makes no sense changes nothing.
    pub(super) fn read(root: &Root, file: &Path) -> Result<Self, ApplyError> {
        let bad = |reason: String| ApplyError::Plan { path: file.to_owned(), reason };
        let bytes = root.read(file, LIMIT).map_err(|error| bad(error.to_string()))?;
        let plan: Self = serde_json::from_slice(&bytes).map_err(|error| bad(one_line(error)))?;
        if plan.version != 1 {
            return Err(bad(format!("version {} is not 1", plan.version)));
        }
        for file in &plan.files {
            check_path(&file.path)?;
            parse_mode(&file.path, &file.mode)?;
        }
        plan.links.iter().try_for_each(|link| check_path(&link.path))?;
        plan.trees.iter().try_for_each(PlannedTree::check)?;
        plan.shells.iter().flat_map(Shells::paths).try_for_each(check_path)?;
        plan.check_once()?;
        Ok(plan)
    }

    /// Two entries for one path would take turns: each activation would replace it twice.
    fn check_once(&self) -> Result<(), ApplyError> {
        let in_trees = self.trees.iter().flat_map(|tree| {
            let entries = tree.entries.iter().map(|entry| tree.path.join(&entry.name));
            std::iter::once(tree.path.clone()).chain(entries)
        });
        let wrappers = self.shells.iter().flat_map(|shells| &shells.wrappers).map(|wrapper| &wrapper.path);
        let others = self.files.iter().map(|file| &file.path).chain(self.links.iter().map(|link| &link.path));
        let mut paths = BTreeSet::new();
        match others.chain(wrappers).cloned().chain(in_trees).find(|path| !paths.insert(path.clone())) {
            Some(entry) => Err(ApplyError::Entry { entry, reason: "two entries of the plan have this path" }),
            None => Ok(()),
        }
    }
}

impl PlannedTree {
    fn check(&self) -> Result<(), ApplyError> {
        check_path(&self.path)?;
        for name in self.entries.iter().map(|entry| &entry.name).chain(&self.keep) {
            if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
                return Err(ApplyError::Entry {
                    entry: self.path.join(name),
                    reason: "not a name in the tree",
                });
            }
        }
        for entry in &self.entries {
            if let PlannedContent::Copy { mode, .. } = &entry.content {
                parse_mode(&self.path.join(&entry.name), mode)?;
            }
        }
        Ok(())
    }

    /// The names to keep now.
    pub fn retained(&self, root: &Root) -> &[String] {
        let keeps = self.keep_while.as_ref().is_none_or(|path| root.path(path).exists());
        if keeps { &self.keep } else { &[] }
    }
}

impl Shells {
    /// Every path that the plan names in the root.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&*self.path).chain(self.wrappers.iter().map(|wrapper| &*wrapper.path))
    }

    /// Whether the path is a wrapper's: `/etc/passwd` is written by many, and only a name in an owner's folder is ours.
    pub fn is_wrapper(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.path) else { return false };
        let parts: Vec<Component> = below.components().collect();
        matches!(parts[..], [Component::Normal(_), Component::Normal(name)] if name != REAL)
    }

    /// The shell of a wrapper that has lost its own: one of the same name, or the default one.
    pub fn in_place_of(&self, wrapper: &Path) -> Option<&Path> {
        let same_name = self.wrappers.iter().find(|other| other.path.file_name() == wrapper.file_name());
        same_name.map(|other| &other.shell).or(self.default.as_ref()).map(PathBuf::as_path)
    }
}

fn check_path(path: &Path) -> Result<(), ApplyError> {
    let normal = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    if path.has_root() && normal && path.file_name().is_some() {
        return Ok(());
    }
    let reason = "not an absolute path of a file, without . and ..";
    Err(ApplyError::Entry { entry: path.to_owned(), reason })
}

pub(super) fn parse_mode(entry: &Path, mode: &str) -> Result<u32, ApplyError> {
    u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).ok_or(ApplyError::Entry {
        entry: entry.to_owned(),
        reason: "the mode is not an octal number up to 7777",
    })
}
