//! What is in a distribution's folder while it starts or runs, so that everybody finds it and can clean up after it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::net::SocketAddrUnix;
use serde::{Deserialize, Serialize};

use crate::sim::host::registry::replace;
use crate::sim::wire::process::Identity;
use crate::system::error::{Context, Failure};

/// The supervisor's `argv[0]`, by which the program knows what it is.
pub const SUPERVISOR: &str = "wsl-sim-supervisor";

/// The file that says what the supervisor is to start.
pub const START: &str = "start.json";

/// The file of an [`InstanceRecord`].
pub const RECORD: &str = "instance.json";

/// The socket of WSL's init.
pub const SOCKET: &str = "socket";

/// What is recorded of a running distribution, so that anyone can clean up after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// The process that owns it: with it PID 1 dies.
    pub supervisor: Identity,
    /// The cgroup of its virtual machine, once it has joined one.
    pub cgroup: PathBuf,
    /// Its PID 1, once it has been started: with it everything inside dies.
    pub first: Option<Identity>,
    /// `boot.initTimeout` in milliseconds, on this machine; WSL's default until it is known.
    pub timeout: u64,
}

impl InstanceRecord {
    /// The record in a distribution's folder.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()
    }

    /// Replaces the record.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec(self).map_err(io::Error::from).doing("encode the record")?;
        replace(&folder.join(RECORD), &json)
    }
}

/// Whether a distribution runs.
#[must_use]
pub fn running(folder: &Path) -> bool {
    InstanceRecord::read(folder).is_some_and(|record| record.supervisor.alive())
}

/// A socket's path may have 107 bytes, a registry's more: go through the folder's descriptor.
///
/// # Errors
///
/// The folder cannot be opened.
pub fn socket_address(folder: &Path) -> io::Result<(File, SocketAddrUnix)> {
    use std::os::fd::AsRawFd;
    let directory = File::open(folder)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
    Ok((directory, SocketAddrUnix::new(path)?))
}
