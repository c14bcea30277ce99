//! Stops systemd and leaves nothing of it (S§7.5).

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::process::Signal;

use super::cgroups;
use super::rundir::{RunDir, RunError, START_LOCK};
use super::start::wait_for_end;
use super::state::{Event, NAME, NamespaceState};
use crate::boot::{cgroup, counting};
use crate::sys::namespace::{POWER_OFF, send};
use crate::system::message;
use crate::system::root::Root;

/// Why something of it stays.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The state or the lock.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It cannot be signalled.
    #[error("systemd: {0}")]
    Signal(std::io::Error),
    /// One of an earlier systemd stays.
    #[error(transparent)]
    Cgroups(crate::system::error::Failure),
    /// The cgroup stays.
    #[error("cgroup {0}: {1}")]
    Cgroup(String, std::io::Error),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// None was running.
    NotRunning,
    /// It shut its services down.
    Cleanly,
    /// It took too long and was killed.
    Killed,
}

/// Powers systemd off, kills it after `patience`, and removes its cgroup and its state.
///
/// # Errors
/// [`StopError`].
pub fn stop(patience: Duration) -> Result<Stopped, StopError> {
    let folder = RunDir::make()?;
    let _lock = folder
        .lock(START_LOCK, patience, || message::report("nixos-wsl: waiting for the start to end..."))?;
    let Ok(state) = NamespaceState::read() else { return Ok(Stopped::NotRunning) };
    let path = state.cgroup.clone();
    let stopped = match state.running() {
        None => Stopped::NotRunning,
        Some(running) => {
            // Before the end, in which this process may go too.
            if let Err(error) = counting::asked_to_stop(&Root::default()) {
                message::report(&format!("nixos-wsl: this start counts as failed: {error}"));
            }
            // Shells that come from now on wait for the end.
            NamespaceState::advance(&folder, running.state.pidns, Event::Stopping)?;
            send(running.pidfd.as_fd(), POWER_OFF).map_err(StopError::Signal)?;
            if wait_for_end(&running.pidfd, patience) {
                Stopped::Cleanly
            } else {
                send(running.pidfd.as_fd(), Signal::KILL.as_raw()).map_err(StopError::Signal)?;
                let _ = wait_for_end(&running.pidfd, Duration::from_secs(10));
                Stopped::Killed
            }
        }
    };
    let left = |error| StopError::Cgroup(path.clone(), error);
    let hierarchy = cgroup::hierarchy().map_err(left)?;
    cgroup::remove(&hierarchy, &path, Duration::from_secs(10)).map_err(left)?;
    cgroups::remove(&folder, &hierarchy, Duration::from_secs(10)).map_err(StopError::Cgroups)?;
    for name in [NAME, "notify"] {
        folder.remove(name);
    }
    Ok(stopped)
}
