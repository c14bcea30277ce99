//! The program that packs and unpacks distributions, as WSL starts it (W§1.2).

use std::io;
use std::path::Path;
use std::process::Command;

use crate::sim::wire::error::{Error, Result};
use crate::sys::simulator::die_with_parent;
use crate::system::error::Failure;

/// Owners and modes take root.
///
/// # Errors
///
/// This process is not root's.
pub fn needs_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::Missing(
        "an import restores owners and modes, which takes root: run it with sudo, or in a container or virtual machine \
         where you are root"
            .into(),
    ))
}

/// bsdtar in a distribution's root, with WSL's environment. It dies with this thread.
#[must_use]
pub fn bsdtar(root: &Path) -> Command {
    let mut command = Command::new("bsdtar");
    // A C locale cannot unpack the UTF-8 names of PAX headers; WSL's system distribution has en_US.UTF-8.
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    command.env_clear().env("LANG", "C.UTF-8").env("PATH", path).arg("-C").arg(root);
    die_with_parent(&mut command);
    command
}

/// What to say where it cannot be started.
#[must_use]
pub fn missing(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::Missing("WSL unpacks with bsdtar: install libarchive-tools".into());
    }
    Failure::new("start bsdtar", "", error).into()
}
