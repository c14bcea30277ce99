//! `nixos-wsl apply`: brings the files of the root that live outside the store up to date, when a system is activated.
//!
//! WSL starts `/sbin/init`, `/bin/sh` and their like before anything can repair them, so at every moment each of these
//! paths is either the old file or the new one (U§3 F7, F35, F36). What somebody else put beside them stays.

use std::os::fd::AsFd;
use std::path::Path;

use crate::system::activation::CURRENT;
use crate::system::root::Root;
use below::Below;
use plan::parse_mode;
use record::AppliedRecord;
use work::{Work, sync};

mod ahead;
mod below;
mod error;
mod plan;
mod record;
mod report;
mod shells;
mod tree;
mod work;

pub use ahead::bring_ahead;
pub use error::ApplyError;
pub use plan::Plan;
pub use report::ApplyReport;

/// Reads the plan and carries it out. What is up to date already is not touched.
///
/// # Errors
/// [`ApplyError`]; entries before the one that failed are in place.
pub fn apply(root: &Root, plan: &Path) -> Result<ApplyReport, ApplyError> {
    let plan = Plan::read(root, plan)?;
    let mut work = Work { root, below: Below::open(root)?, report: ApplyReport::default() };
    for file in &plan.files {
        let mode = parse_mode(&file.path, &file.mode)?;
        let folder = work.folder(&file.path)?;
        if work.file(folder.as_fd(), &file.path, &file.source, mode)? {
            sync(&folder, &work.below.path(&file.path))?;
        }
    }
    for link in &plan.links {
        let folder = work.folder(&link.path)?;
        if work.link(folder.as_fd(), &link.path, &link.target)? {
            sync(&folder, &work.below.path(&link.path))?;
        }
    }
    let boots = root.path(CURRENT).symlink_metadata().is_err();
    let (mut record, recorded) = AppliedRecord::load(root, &work.below);
    let before = recorded.then(|| record.clone());
    plan.trees.iter().for_each(|tree| record.add(tree));
    if before.as_ref() != Some(&record) {
        record.save(&work.below)?;
    }
    let during = record.clone();
    for tree in &plan.trees {
        let names = record.tree(tree);
        let known = std::mem::take(&mut names.foreign);
        tree::put(&mut work, tree, names)?;
        let new = names.foreign.iter().filter(|name| boots || !known.contains(*name));
        work.report.foreign.extend(new.map(|name| tree.path.join(name)));
    }
    if record != during {
        record.save(&work.below)?;
    }
    ahead::take_back(&work)?;
    if let Some(shells) = &plan.shells {
        shells::put(&mut work, shells)?;
    }
    Ok(work.report)
}
