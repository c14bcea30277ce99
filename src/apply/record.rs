//! `/var/lib/nixos-wsl/applied.json`: which names in the trees are ours, from one activation to the next.
//!
//! It is written before the first change with the names of both plans, and afterwards with those that are there: a run
//! that is killed in between leaves a record that names too much rather than too little.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use super::below::Below;
use super::plan::{Plan, PlannedTree};
use crate::system::activation::CURRENT;
use crate::system::error::{Context, Failure};
use crate::system::generations;
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;

const FILE: &str = "/var/lib/nixos-wsl/applied.json";
const LIMIT: u64 = 16 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct AppliedRecord {
    version: u32,
    trees: BTreeMap<PathBuf, Names>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Names {
    /// Put there by an activation.
    pub own: BTreeSet<String>,
    /// Put there by somebody else.
    pub foreign: BTreeSet<String>,
}

impl AppliedRecord {
    /// What was recorded. Without a record, which a root from before it has not: the names of every generation's plan.
    pub fn load(root: &Root, below: &Below) -> (Self, bool) {
        match Self::read(below) {
            Some(record) => (record, true),
            None => (Self::of_generations(root), false),
        }
    }

    fn read(below: &Below) -> Option<Self> {
        let path = Path::new(FILE);
        let folder = below.parent(path).ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, path.file_name()?, flags, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        File::from(file).take(LIMIT).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|record: &Self| record.version == 1)
    }

    fn of_generations(root: &Root) -> Self {
        let mut record = Self { version: 1, ..Self::default() };
        let systems = generations::all(root).into_iter().map(|generation| generation.toplevel);
        for system in systems.chain([PathBuf::from(CURRENT)]) {
            if let Ok(plan) = Plan::read(root, &system.join("nixos-wsl/root.json")) {
                plan.trees.iter().for_each(|tree| record.add(tree));
            }
        }
        record
    }

    /// The names of a tree.
    pub fn tree(&mut self, tree: &PlannedTree) -> &mut Names {
        self.trees.entry(tree.path.clone()).or_default()
    }

    /// Adds the names of a planned tree.
    pub fn add(&mut self, tree: &PlannedTree) {
        let names = tree.entries.iter().map(|entry| entry.name.clone());
        self.tree(tree).own.extend(names);
    }

    /// Brings the record to the disk.
    pub fn save(&self, below: &Below) -> Result<(), Failure> {
        let path = Path::new(FILE);
        let folder = below.parent(path)?;
        let shown = below.path(path);
        let text = serde_json::to_vec(self).map_err(std::io::Error::from).at(&shown)?;
        replace::file(
            Target::new(folder.as_fd(), &shown),
            Attributes::mode(0o644),
            Durability::Full,
            |file| file.write_all(&text).at(&shown),
        )
    }
}
