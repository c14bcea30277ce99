//! The commands of `nixos-wsl`, one file each, under the names that users type.

pub mod accounts;
pub mod apply;
pub mod arguments;
pub mod boot;
pub mod doctor;
pub mod generations;
pub mod logs;
pub mod output;
pub mod recover;
pub mod status;
pub mod stop;
pub mod table;
pub mod units;
pub mod version;

use crate::apply::ApplyError;
use crate::boot::choose::ChoiceError;
use crate::boot::state::SaveError;
use crate::features::usbip::UsbipError;
use crate::namespace::stop::StopError;
use crate::system::error::Failure;

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
    Recover(#[from] recover::EnterError),
    /// systemd was not stopped.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A device was not attached.
    #[error(transparent)]
    Usbip(#[from] UsbipError),
    /// A system call failed.
    #[error(transparent)]
    System(#[from] Failure),
    /// The text says what is wrong and what to do.
    #[error("{0}")]
    Refused(String),
}

/// The result of a command.
pub type Outcome<T = ()> = Result<T, CommandError>;
