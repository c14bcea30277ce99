//! `nixos-wsl stop`: ends the systemd of namespace mode.

use std::time::Duration;

use super::output::print;
use super::status::{Status, status};
use super::{CommandError, Outcome};
use crate::namespace::stop::{self, Stopped};

/// Stops systemd; it is killed when it takes longer than `patience`.
///
/// # Errors
/// The caller is one of its processes, or it cannot be stopped.
pub fn stop(patience: Duration) -> Outcome {
    if status() == Status::Inside {
        let text = "this shell is beside the systemd that is to stop; `systemctl poweroff` does it";
        return Err(CommandError::Refused(text.into()));
    }
    print(match stop::stop(patience)? {
        Stopped::NotRunning => format_args!("systemd was not running."),
        Stopped::Cleanly => format_args!("systemd has stopped."),
        Stopped::Killed => format_args!("systemd did not stop in time and was killed."),
    })
}
