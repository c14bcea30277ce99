//! `--import --vhd` and `--import-in-place`: a disk that is ready (W§1.1, W§1.2).

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sim::host::bsdtar::needs_root;
use crate::sim::host::examine::examine;
use crate::sim::host::import::{check_free, check_name, install, installing, resolve_directory, unreadable};
use crate::sim::host::registry::Registry;
use crate::sim::host::vhd;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::{DistributionState, Registration};
use crate::system::error::Context;

/// Copies a disk and registers the copy. WSL does not look at what is on it.
///
/// # Errors
///
/// WSL's own; nothing of what was copied or registered stays then.
pub fn import(registry: &Registry, name: &str, directory: &Path, file: &Path) -> Result<()> {
    needs_root()?;
    check_name(name)?;
    if file == Path::new("-") {
        return Err(Error::invalid_argument());
    }
    file.metadata().map_err(|error| unreadable(file, error))?;
    let mut registration = installing(name, resolve_directory(directory)?);
    registration.vhd_file_name = Some(vhd::FILE_NAME.into());
    install(registry, &mut registration, |registration| {
        let (directory, disk) = (&registration.base_path, registration.disk());
        fs::create_dir_all(directory).doing_at("make", directory)?;
        fs::copy(file, &disk).doing_at("copy", file)?;
        registration.state = DistributionState::Installed;
        Ok(registry.lock()?.put(registration)?)
    })
}

/// Registers a disk where it is.
///
/// # Errors
///
/// WSL's own; the disk stays what it was.
pub fn import_in_place(registry: &Registry, name: &str, file: &Path) -> Result<()> {
    needs_root()?;
    check_name(name)?;
    let (Some(directory), Some(file_name)) = (file.parent(), file.file_name().and_then(OsStr::to_str)) else {
        return Err(Error::invalid_argument());
    };
    if !file.is_absolute() {
        return Err(Error::invalid_argument());
    }
    file.metadata().map_err(|error| unreadable(file, error))?;
    let directory = directory.canonicalize().doing_at("resolve", directory)?;
    // Until it is whole the registration has no disk: whoever finds that this process was killed deletes none.
    let mut registration = installing(name, registry.folder(name).join("disk"));
    install(registry, &mut registration, |registration| {
        let found = in_place(registration, directory, file_name);
        check_free(&registry.lock()?, &found, name)?;
        let folder = registry.folder(name);
        let mut examined = found.clone();
        vhd::with_root(&folder, &found, |root| examine(root, &mut examined).map(drop))?;
        registry.lock()?.put(&examined)?;
        *registration = examined;
        Ok(())
    })
}

fn in_place(registration: &Registration, directory: PathBuf, file_name: &str) -> Registration {
    Registration {
        base_path: directory,
        vhd_file_name: Some(file_name.into()),
        state: DistributionState::Installed,
        ..registration.clone()
    }
}
