//! Why a command did not do what it was asked for.

use std::path::PathBuf;

use super::new_user::Refusal;
use crate::apply::ApplyError;
use crate::boot::choose::ChoiceError;
use crate::boot::counting::SaveError;
use crate::features::usbip::UsbipError;
use crate::namespace::stop::StopError;
use crate::system::error::Failure;

/// Why the distribution could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// No generation fits.
    #[error("{}: {reason}", root.display())]
    Nothing {
        /// The distribution's root.
        root: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// It could not be made writable.
    #[error(transparent)]
    Mount(#[from] Failure),
    /// A step of entering failed.
    #[error("{step}: {source}")]
    Step {
        /// What was tried.
        step: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file could not be brought up to date.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A generation was not chosen.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The record of boots could not be written.
    #[error(transparent)]
    Record(#[from] SaveError),
    /// A distribution was not entered.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// systemd was not stopped.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A device was not attached.
    #[error(transparent)]
    Usbip(#[from] UsbipError),
    /// A user was not made.
    #[error(transparent)]
    User(#[from] Refusal),
    /// A system call failed.
    #[error(transparent)]
    System(#[from] Failure),
    /// The text says what is wrong and what to do.
    #[error("{0}")]
    Refused(String),
}

/// The result of a command.
pub type Outcome<T = ()> = Result<T, CommandError>;
