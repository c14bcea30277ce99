//! The system that the next start takes, as far as can be told now, and what WSL reads before that start.

use super::counting;
use super::plan;
use crate::apply::{self, ApplyError};
use crate::system::generations::{self, Generation};
use crate::system::root::Root;

/// The generation that would start now: the first in the plan's order that can boot and is not passed over.
#[must_use]
pub fn next(root: &Root) -> Option<Generation> {
    let (state, _) = counting::load(root);
    let profile = generations::current(root).ok();
    plan::order(&generations::all(root), profile.as_ref(), state.once).into_iter().find(|generation| {
        let chosen = state.once.is_some() && generation.number == state.once;
        (chosen || state.passed_over(&generation.toplevel).is_none()) && generation.bootable(root).is_ok()
    })
}

/// Brings `/etc/wsl.conf`, `/etc/wsl-distribution.conf` and the default user's line in `/etc/passwd` to that system: WSL
/// reads them before `/sbin/init`, and so before an activation. To be called whenever another system may be next.
///
/// # Errors
/// A file cannot be written; the next start then still reads what was there.
pub fn prepare(root: &Root) -> Result<Option<Generation>, ApplyError> {
    let next = next(root);
    if let Some(generation) = &next {
        apply::bring_ahead(root, &generation.toplevel)?;
    }
    Ok(next)
}
