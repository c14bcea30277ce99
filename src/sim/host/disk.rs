//! `--manage`: what is done to a distribution's disk, which has to be stopped (W§1.5).
//!
//! The disk is a folder, or a file that QEMU cannot resize: it moves by rename, and nothing sets its size or its holes.

use std::fs;
use std::io;
use std::path::Path;

use crate::sim::host::bsdtar::needs_root;
use crate::sim::host::import::resolve_directory;
use crate::sim::host::record::running;
use crate::sim::host::registry::Registry;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::registration::{DistributionState, Registration};
use crate::system::error::Context;

const IN_USE: &str = "The operation could not be completed because the VHD is currently in use. To force WSL to stop use: \
                      wsl.exe --shutdown";

/// A distribution that does not run, and the lock that keeps it so.
fn stopped(registry: &Registry, name: &str, code: &'static str) -> Result<(Registration, fs::File)> {
    let registration = registry.lock()?.installed(name)?;
    let name = &registration.distribution_name;
    let in_use = || Error::wsl(code, IN_USE);
    let lock = registry.try_lock_instance(name)?.ok_or_else(in_use)?;
    if running(&registry.folder(name)) { Err(in_use()) } else { Ok((registration, lock)) }
}

/// Moves a distribution's disk to another folder.
///
/// # Errors
///
/// WSL's own, or the folder is on another file system, where Windows would copy.
pub fn relocate(registry: &Registry, name: &str, directory: &Path) -> Result<()> {
    needs_root()?;
    let (mut registration, _lock) =
        stopped(registry, name, "Wsl/Service/MoveDistro/WSL_E_DISTRO_NOT_STOPPED")?;
    fs::create_dir_all(directory).doing_at("make", directory)?;
    let directory = resolve_directory(directory)?;
    {
        let locked = registry.lock()?;
        if locked.all()?.iter().any(|other| other.base_path == directory) {
            return Err(Error::wsl(
                "Wsl/Service/MoveDistro/ERROR_FILE_EXISTS",
                "The supplied install location is already in use.",
            ));
        }
        // Recorded before it moves: if this process is killed, the next one finds the disk.
        registration.state = DistributionState::Exporting(Identity::own());
        registration.moving_to = Some(directory.clone());
        locked.put(&registration)?;
    }
    let (old, new) = (registration.disk(), registration.disk_in(&directory));
    let moved = if new.symlink_metadata().is_ok() {
        Err(Error::wsl(
            "Wsl/Service/MoveDistro/ERROR_FILE_EXISTS",
            "Cannot create a file when that file already exists.",
        ))
    } else {
        fs::rename(&old, &new).map_err(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => Error::Missing(format!(
                "{} is on another file system: export the distribution and import it there",
                directory.display()
            )),
            _ => crate::system::error::Failure::new("move", &old, error).into(),
        })
    };
    registration.end_move();
    registration.state = DistributionState::Installed;
    registry.lock()?.put(&registration)?;
    moved
}

/// Takes a new size, which has no effect: a folder has what its file system has.
///
/// # Errors
///
/// WSL's own.
pub fn resize(registry: &Registry, name: &str, size: u64) -> Result<()> {
    stopped(registry, name, "Wsl/Service/WSL_E_DISTRO_NOT_STOPPED")?;
    eprintln!("wsl-sim: the disk keeps its size: {size} bytes are no limit to it");
    Ok(())
}

/// Switches holes in the disk's file on or off, which has no effect either.
///
/// # Errors
///
/// WSL's own: it refuses to switch them on without `--allow-unsafe`.
pub fn set_sparse(registry: &Registry, name: &str, sparse: bool, allow_unsafe: bool) -> Result<()> {
    registry.lock()?.installed(name)?;
    if sparse && !allow_unsafe {
        return Err(Error::wsl(
            "Wsl/Service/E_INVALIDARG",
            "Sparse VHD support is currently disabled due to potential data corruption.\n\
             To force a distribution to use a sparse VHD, please run:\n\
             wsl.exe --manage <DistributionName> --set-sparse true --allow-unsafe",
        ));
    }
    stopped(registry, name, "Wsl/Service/WSL_E_DISTRO_NOT_STOPPED").map(drop)
}
