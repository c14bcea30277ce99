//! `--export` and `--unregister` (W§1.5).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::sim::host::bsdtar::{bsdtar, missing, needs_root};
use crate::sim::host::export_vhd;
use crate::sim::host::instance;
use crate::sim::host::progress;
use crate::sim::host::registry::Registry;
use crate::sim::host::vhd;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::registration::{DistributionState, Registration};
use crate::system::error::Context;

/// `--export --format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// `tar`
    #[default]
    Tar,
    /// `tar.gz`
    Gzip,
    /// `tar.xz`
    Xz,
    /// `vhd`: the disk
    Vhd,
}

/// Where an export goes.
enum Target {
    /// Standard output, a device, a pipe: bytes that are gone once they are written.
    Stream(Stdio),
    /// A file that gets its name once it is whole.
    File {
        /// Its name until then.
        unfinished: PathBuf,
        path: PathBuf,
    },
}

/// Writes a distribution to an archive or a disk (W§1.5); a running one is terminated first.
///
/// # Errors
///
/// WSL's own; a half written archive is deleted.
pub fn export(registry: &Registry, name: &str, file: &Path, format: ArchiveFormat) -> Result<()> {
    needs_root()?;
    let target = target(file)?;
    if matches!((&target, format), (Target::Stream(_), ArchiveFormat::Vhd)) {
        return Err(Error::invalid_argument());
    }
    let mut registration = {
        let locked = registry.lock()?;
        let mut registration = locked.installed(name)?;
        registration.state = DistributionState::Exporting(Identity::own());
        if let Target::File { unfinished, .. } = &target {
            registration.unfinished = Some(unfinished.clone());
        }
        // Recorded before it is made: if this process is killed, the next one deletes it.
        locked.put(&registration)?;
        registration
    };
    let result = write(registry, &registration, target, format);
    let ended = registration.end_export().and_then(|()| registry.lock()?.put(&registration));
    result?;
    Ok(ended?)
}

fn target(file: &Path) -> Result<Target> {
    if file == Path::new("-") {
        return Ok(Target::Stream(Stdio::inherit()));
    }
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        let file = File::options().write(true).open(file).doing_at("write", file)?;
        return Ok(Target::Stream(file.into()));
    }
    let path = std::path::absolute(file).doing_at("resolve", file)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    Ok(Target::File { unfinished: path.with_file_name(name), path })
}

fn write(
    registry: &Registry,
    registration: &Registration,
    target: Target,
    format: ArchiveFormat,
) -> Result<()> {
    let (stdout, file, names) = match target {
        Target::Stream(stream) => (stream, None, None),
        Target::File { unfinished, path } => {
            let file = File::create(&unfinished).doing_at("make", &path)?;
            (file.try_clone().doing_at("write", &path)?.into(), Some(file), Some((unfinished, path)))
        }
    };
    let name = &registration.distribution_name;
    let _instance = instance::terminate(registry, name)?;
    let folder = registry.folder(name);
    let compression = match format {
        ArchiveFormat::Tar => Some("-c"),
        ArchiveFormat::Gzip => Some("-cz"),
        ArchiveFormat::Xz => Some("-cJ"),
        ArchiveFormat::Vhd => None,
    };
    match (compression, &names) {
        (Some(compression), _) => {
            vhd::with_root(&folder, registration, |root| archive(root, compression, stdout, file.as_ref()))?;
        }
        (None, Some((unfinished, _))) => export_vhd::copy(registration, unfinished)?,
        (None, None) => return Err(Error::invalid_argument()),
    }
    if let Some((unfinished, path)) = names {
        fs::rename(unfinished, &path).doing_at("make", &path)?;
    }
    Ok(())
}

fn archive(root: &Path, compression: &str, stdout: Stdio, file: Option<&File>) -> Result<()> {
    let mut child = bsdtar(root)
        .args([compression, "--one-file-system", "--xattrs", "--numeric-owner", "-f", "-", "."])
        .stdin(Stdio::null())
        .stdout(stdout)
        .spawn()
        .map_err(missing)?;
    let status = progress::watch(&mut child, file).doing("wait for bsdtar")?;
    if status.success() {
        return Ok(());
    }
    Err(Error::wsl("Wsl/Service/WSL_E_EXPORT_FAILED", "Exporting the distribution failed."))
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
        if registration.state != DistributionState::Installed {
            return Err(Error::busy());
        }
        registration
    };
    let _instance = instance::terminate(registry, name)?;
    registration.state = DistributionState::Uninstalling(Identity::own());
    match registry.lock()?.put(&registration) {
        // Deleting makes space, and who is killed meanwhile has to be told to delete once more.
        Err(failure) if failure.reason().kind() == io::ErrorKind::StorageFull => {}
        recorded => recorded?,
    }
    registration.delete_disk()?;
    Ok(registry.lock()?.remove(&registration.distribution_name)?)
}
