//! `--import` and `--install --from-file` (W§1), through the real bsdtar.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use indicatif::ProgressBar;
use rustix::pipe::{SpliceFlags, splice};

use crate::sim::host::bsdtar::{bsdtar, missing, needs_root};
use crate::sim::host::examine::examine;
use crate::sim::host::progress;
use crate::sim::host::registry::{Locked, Registry};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::process::Identity;
use crate::sim::wire::protocol::retry;
use crate::sim::wire::registration::{DistributionState, Registration};
use crate::system::error::{Context, Failure};
use crate::wsl::distribution::{Distribution, valid_name};

/// What an unprivileged process may ask for, and root too.
const PIPE_SIZE: usize = 1 << 20;

/// How long a pipe that is nearly full is left alone.
const REST: Duration = Duration::from_millis(2);

/// What to import, and where to.
pub struct Import<'a> {
    /// `None`: the name in wsl-distribution.conf.
    pub name: Option<&'a str>,
    /// `None`: a directory in the registry.
    pub directory: Option<&'a Path>,
    /// The archive; `-` is standard input.
    pub file: &'a Path,
    /// The first interactive start runs the first-run command (W§1.1).
    pub oobe: bool,
}

/// Unpacks and registers a distribution; gives its name.
///
/// # Errors
///
/// WSL's own; nothing of what was unpacked or registered stays then.
pub fn import(registry: &Registry, import: &Import<'_>) -> Result<String> {
    needs_root()?;
    if let Some(name) = import.name {
        check_name(name)?;
    }
    let archive = open_archive(import.file)?;
    // Without a name the distribution has none until its archive is unpacked.
    let provisional = format!("wsl-sim.import.{}", std::process::id());
    let name = import.name.unwrap_or(&provisional);
    let base_path = match import.directory {
        Some(directory) => resolve_directory(directory)?,
        None => registry.folder(name).join("disk"),
    };
    let mut registration = installing(name, base_path);
    registration.run_oobe = import.oobe;
    install(registry, &mut registration, |registration| {
        unpack(&registration.disk(), archive)?;
        let distribution = examine(&registration.disk(), registration)?;
        complete(registry, import, registration, &distribution)
    })?;
    Ok(registration.distribution_name)
}

/// A distribution that this process is about to install.
pub(in crate::sim::host) fn installing(name: &str, base_path: PathBuf) -> Registration {
    Registration {
        distribution_name: name.into(),
        base_path,
        vhd_file_name: None,
        state: DistributionState::Installing(Identity::own()),
        default_uid: 0,
        run_oobe: false,
        flavor: None,
        os_version: None,
        unfinished: None,
        moving_to: None,
    }
}

/// Registers a distribution and fills it; where that fails, neither registration nor disk stays.
///
/// # Errors
///
/// Its name, its directory or its disk is another's; `fill`'s.
pub(in crate::sim::host) fn install(
    registry: &Registry,
    registration: &mut Registration,
    fill: impl FnOnce(&mut Registration) -> Result<()>,
) -> Result<()> {
    {
        let locked = registry.lock()?;
        check_free(&locked, registration, &registration.distribution_name)?;
        if registration.disk().symlink_metadata().is_ok() {
            return Err(Error::wsl("Wsl/Service/RegisterDistro/ERROR_FILE_EXISTS", "The file exists."));
        }
        locked.put(registration)?;
    }
    // Registered before anything is made: whatever this process leaves if it is killed, the next one deletes.
    let filled = registry
        // Made now, the lock is there when the disk is full.
        .lock_instance(&registration.distribution_name)
        .map_err(Error::from)
        .and_then(|_| fill(registration));
    if let Err(error) = filled {
        registration.delete_disk()?;
        registry.lock()?.remove(&registration.distribution_name)?;
        return Err(error);
    }
    Ok(())
}

/// Gives the distribution its final name and marks it as installed.
fn complete(
    registry: &Registry,
    import: &Import<'_>,
    registration: &mut Registration,
    distribution: &Distribution,
) -> Result<()> {
    let locked = registry.lock()?;
    if import.name.is_none() {
        let name = distribution.oobe_default_name.as_deref().ok_or_else(|| {
            Error::wsl(
                "Wsl/Service/RegisterDistro/WSL_E_DISTRIBUTION_NAME_NEEDED",
                "This distribution doesn't contain a default name. Use --name to choose the distribution name.",
            )
        })?;
        check_name(name)?;
        let provisional = std::mem::replace(&mut registration.distribution_name, name.into());
        if let Err(error) = check_free(&locked, registration, &provisional) {
            registration.distribution_name = provisional;
            return Err(error);
        }
        locked.rename(&provisional, registration)?;
    }
    registration.state = DistributionState::Installed;
    Ok(locked.put(registration)?)
}

pub(in crate::sim::host) fn check_name(name: &str) -> Result<()> {
    if valid_name(name) {
        return Ok(());
    }
    Err(Error::wsl(
        "Wsl/Service/RegisterDistro/E_INVALIDARG",
        format!("Invalid distribution name: \"{name}\"."),
    ))
}

/// Neither name nor directory is another's; `own` is the name under which the distribution is registered so far.
pub(in crate::sim::host) fn check_free(
    locked: &Locked<'_>,
    registration: &Registration,
    own: &str,
) -> Result<()> {
    for other in locked.all()? {
        if other.state == DistributionState::Installing(Identity::own()) && other.distribution_name == own {
            continue;
        }
        if other.distribution_name.eq_ignore_ascii_case(&registration.distribution_name) {
            return Err(if other.state == DistributionState::Installed {
                Error::wsl(
                    "Wsl/Service/RegisterDistro/ERROR_ALREADY_EXISTS",
                    "A distribution with the supplied name already exists. Use --name to choose a different name.",
                )
            } else {
                Error::busy()
            });
        }
        if other.base_path == registration.base_path {
            return Err(Error::wsl(
                "Wsl/Service/RegisterDistro/ERROR_FILE_EXISTS",
                "The supplied install location is already in use.",
            ));
        }
    }
    Ok(())
}

fn open_archive(file: &Path) -> Result<Option<File>> {
    if file == Path::new("-") {
        return Ok(None);
    }
    File::open(file).map(Some).map_err(|error| unreadable(file, error))
}

/// What WSL says of a file that cannot be opened.
pub(in crate::sim::host) fn unreadable(file: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::wsl("Wsl/ERROR_FILE_NOT_FOUND", "The system cannot find the file specified.")
        }
        io::ErrorKind::PermissionDenied => Error::wsl("Wsl/E_ACCESSDENIED", "Access is denied."),
        _ => Failure::new("open", file, error).into(),
    }
}

/// The absolute path of a directory that need not exist; what it is in must.
pub(in crate::sim::host) fn resolve_directory(directory: &Path) -> Result<PathBuf> {
    let missing = || Error::wsl("Wsl/ERROR_PATH_NOT_FOUND", "The system cannot find the path specified.");
    let resolved = match directory.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = std::path::absolute(directory).doing_at("resolve", directory)?;
            let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else {
                return Err(missing());
            };
            parent.canonicalize().map(|parent| parent.join(name))
        }
        resolved => resolved,
    };
    match resolved {
        Ok(path) if path.exists() && !path.is_dir() => {
            Err(Error::wsl("Wsl/ERROR_DIRECTORY", "The directory name is invalid."))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
        resolved => Ok(resolved.doing_at("resolve", directory)?),
    }
}

fn unpack(root: &Path, archive: Option<File>) -> Result<()> {
    let failed =
        || Error::wsl("Wsl/Service/RegisterDistro/WSL_E_IMPORT_FAILED", "Importing the distribution failed.");
    let mut builder = DirBuilder::new();
    // mkfs.ext4 leaves a directory of its own in the root.
    builder.recursive(true).create(root).doing_at("make", root)?;
    builder.mode(0o700).create(root.join("lost+found")).doing_at("make", root.join("lost+found"))?;
    let mut child = bsdtar(root)
        .args(["-x", "-p", "--xattrs", "--numeric-owner", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(missing)?;
    let pipe = child.stdin.take();
    // bsdtar reads a pipe, as under WSL: from a seekable file it takes formats that WSL cannot.
    let feeder = std::thread::spawn(move || -> io::Result<()> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        // Fewer turns between two processes; a smaller pipe does as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_SIZE);
        match archive {
            Some(file) => {
                let bar = progress::bar(file.metadata().ok().map(|file| file.len()));
                let fed = feed(file, &mut pipe, &bar);
                bar.finish_and_clear();
                fed
            }
            None => io::copy(&mut io::stdin().lock(), &mut pipe).map(drop),
        }
    });
    let status = child.wait().doing("wait for bsdtar")?;
    if !status.success() {
        return Err(failed());
    }
    match feeder.join() {
        // bsdtar stops at the end of the archive and takes nothing after it.
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Ok(Err(error).doing("read the archive")?)
        }
        _ => Ok(()),
    }
}

/// Moves a file's pages into the pipe; where that is not possible, its bytes.
fn feed(file: File, pipe: &mut ChildStdin, bar: &ProgressBar) -> io::Result<()> {
    let size = rustix::pipe::fcntl_getpipe_size(&*pipe)?;
    loop {
        match retry(|| splice(&file, None, &*pipe, None, size, SpliceFlags::empty())) {
            Ok(0) => return Ok(()),
            // A page at a time, as bsdtar takes them, would slow it down: what is in the pipe lasts for longer than this.
            Ok(moved) => {
                bar.inc(moved as u64);
                if moved < size / 2 {
                    std::thread::sleep(REST);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return io::copy(&mut bar.wrap_read(file), pipe).map(drop);
            }
            Err(error) => return Err(error),
        }
    }
}
