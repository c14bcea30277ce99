//! `--export` and `--unregister` (W§1.5).

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use crate::sim::bsdtar::{bsdtar, missing, needs_root};
use crate::sim::cli::Format;
use crate::sim::error::{Doing, Error, Result};
use crate::sim::instance;
use crate::sim::process::Identity;
use crate::sim::registry::{Registry, State};

/// Writes a distribution to an archive (W§1.5); a running one is terminated first.
///
/// # Errors
///
/// WSL's own; a half written archive is deleted.
pub fn export(registry: &Registry, name: &str, file: &Path, format: Format) -> Result<()> {
    needs_root()?;
    let mut registration = registry.lock()?.installed(name)?;
    let target: Stdio = if file == Path::new("-") {
        Stdio::inherit()
    } else {
        File::create(file).doing("make", file)?.into()
    };
    let _instance = instance::terminate(registry, &registration.distribution_name)?;
    registration.state = State::Exporting(Identity::own());
    registry.lock()?.put(&registration)?;
    let compression = match format {
        Format::Tar => "-c",
        Format::Gzip => "-cz",
        Format::Xz => "-cJ",
    };
    let status = bsdtar(&registration.root())
        .args([compression, "--one-file-system", "--xattrs", "--numeric-owner", "-f", "-", "."])
        .stdin(Stdio::null())
        .stdout(target)
        .status()
        .map_err(missing);
    registration.state = State::Installed;
    registry.lock()?.put(&registration)?;
    match status {
        Ok(status) if status.success() => Ok(()),
        other => {
            if file != Path::new("-") {
                let _ = fs::remove_file(file);
            }
            other?;
            Err(Error::wsl("Wsl/Service/WSL_E_EXPORT_FAILED", "Exporting the distribution failed."))
        }
    }
}

/// Terminates a distribution and deletes it with its disk.
///
/// # Errors
///
/// There is none of that name, or a file cannot be deleted.
pub fn unregister(registry: &Registry, name: &str) -> Result<()> {
    let mut registration = {
        let locked = registry.lock()?;
        let registration = locked.get(name)?;
        if registration.state != State::Installed {
            return Err(Error::busy());
        }
        registration
    };
    let _instance = instance::terminate(registry, name)?;
    registration.state = State::Uninstalling(Identity::own());
    registry.lock()?.put(&registration)?;
    registration.delete_disk()?;
    registry.lock()?.remove(&registration.distribution_name)
}
