//! The user's choice of a generation.

use std::ffi::OsString;
use std::os::fd::AsFd;

use super::counting::{self, SaveError};
use super::next;
use crate::apply::ApplyError;
use crate::system::error::{Context, Failure};
use crate::system::generations::{self, Generation, PROFILE, PROFILES};
use crate::system::notice;
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;

/// Why a choice was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// There is no such generation.
    #[error("generation {0} does not exist; `nixos-wsl generations` lists those that do")]
    Missing(u64),
    /// It would not boot.
    #[error("generation {0} cannot boot: {1}")]
    Unbootable(u64, String),
    /// There is no older generation that could boot.
    #[error("no generation before {0} can boot")]
    NothingOlder(Generation),
    /// The profile could not be changed.
    #[error(transparent)]
    Profile(Failure),
    /// It is chosen, and its first start reads what another system has told WSL.
    #[error("{0} is chosen, but WSL reads the settings of another one before it starts: {1}")]
    Unprepared(Generation, ApplyError),
    /// The state could not be written.
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// Makes generation `number` the one that boots: from now on, or the next time only.
///
/// # Errors
/// [`ChoiceError`]; the profile is as it was then.
pub fn choose(root: &Root, number: u64, once: bool) -> Result<Generation, ChoiceError> {
    let generation = generations::all(root)
        .into_iter()
        .find(|generation| generation.number == Some(number))
        .ok_or(ChoiceError::Missing(number))?;
    generation.bootable(root).map_err(|reason| ChoiceError::Unbootable(number, reason))?;
    counting::update(root, |state| state.choose(&generation.toplevel, once.then_some(number)))?;
    if !once {
        set_profile(root, number).map_err(ChoiceError::Profile)?;
    }
    // The user has chosen: logins need not ask any more.
    let _ = std::fs::remove_file(root.path(notice::NOTICE));
    match next::prepare(root) {
        Ok(_) => Ok(generation),
        Err(error) => Err(ChoiceError::Unprepared(generation, error)),
    }
}

/// Goes back to the newest generation before the current one that can boot.
///
/// # Errors
/// [`ChoiceError`].
pub fn roll_back(root: &Root) -> Result<Generation, ChoiceError> {
    let current =
        generations::current(root).unwrap_or(Generation { number: Some(u64::MAX), toplevel: PROFILE.into() });
    let older = generations::all(root).into_iter().find(|generation| {
        generation.number < current.number
            && generation.toplevel != current.toplevel
            && generation.bootable(root).is_ok()
    });
    match older.and_then(|generation| generation.number) {
        Some(number) => choose(root, number, false),
        None => Err(ChoiceError::NothingOlder(current)),
    }
}

/// Points the profile at a generation, in one step.
fn set_profile(root: &Root, number: u64) -> Result<(), Failure> {
    let path = root.path(PROFILE);
    let folder = replace::open_folder(&path).at(root.path(PROFILES))?;
    let link = OsString::from(format!("system-{number}-link"));
    replace::symbolic_link(
        Target::new(folder.as_fd(), &path),
        &link,
        Attributes::mode(0o777),
        Durability::Full,
    )
}
