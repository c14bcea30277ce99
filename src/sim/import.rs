//! `--import`, `--install --from-file`, `--export` and `--unregister` (W§1), through the real bsdtar.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::sim::cli::Format;
use crate::sim::error::{Doing, Error, Result};
use crate::sim::instance;
use crate::sim::process::Identity;
use crate::sim::registry::{Locked, Registration, Registry, State};
use crate::sim::root::Root;
use crate::sys::simulator::die_with_parent;
use crate::wsl::distribution::{Distribution, valid_name};

/// What an unprivileged process may ask for, and root too.
const PIPE_SIZE: usize = 1 << 20;

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
    let made = import.directory.map(make_directory).transpose()?.unwrap_or(false);
    let result = register(registry, import, archive);
    if let (Err(_), true, Some(directory)) = (&result, made, import.directory) {
        // Empty unless a file could not be deleted, which the error says.
        let _ = fs::remove_dir(directory);
    }
    result
}

fn register(registry: &Registry, import: &Import<'_>, archive: Option<File>) -> Result<String> {
    // Without a name the distribution has none until its archive is unpacked.
    let provisional = format!("wsl-sim.import.{}", std::process::id());
    let name = import.name.unwrap_or(&provisional);
    let base_path = match import.directory {
        Some(directory) => directory.canonicalize().doing("resolve", directory)?,
        None => registry.folder(name).join("disk"),
    };
    let mut registration = Registration {
        distribution_name: name.into(),
        base_path,
        state: State::Installing(Identity::own()),
        default_uid: 0,
        run_oobe: import.oobe,
        flavor: None,
        os_version: None,
    };
    {
        let locked = registry.lock()?;
        check_free(&locked, &registration, name)?;
        if registration.root().symlink_metadata().is_ok() {
            return Err(Error::wsl("Wsl/Service/RegisterDistro/ERROR_FILE_EXISTS", "The file exists."));
        }
        locked.put(&registration)?;
    }
    let unpacked = unpack(&registration.root(), archive)
        .and_then(|()| examine(&mut registration))
        .and_then(|distribution| settle(registry, import, &mut registration, &distribution));
    if let Err(error) = unpacked {
        registration.delete_disk()?;
        registry.lock()?.remove(&registration.distribution_name)?;
        return Err(error);
    }
    Ok(registration.distribution_name)
}

/// Gives the distribution its final name and marks it as installed.
fn settle(
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
    registration.state = State::Installed;
    locked.put(registration)
}

fn check_name(name: &str) -> Result<()> {
    if valid_name(name) {
        return Ok(());
    }
    Err(Error::wsl(
        "Wsl/Service/RegisterDistro/E_INVALIDARG",
        format!("Invalid distribution name: \"{name}\"."),
    ))
}

/// Neither name nor directory is another's; `own` is the name under which the distribution is registered so far.
fn check_free(locked: &Locked<'_>, registration: &Registration, own: &str) -> Result<()> {
    for other in locked.all()? {
        if other.state == State::Installing(Identity::own()) && other.distribution_name == own {
            continue;
        }
        if other.distribution_name.eq_ignore_ascii_case(&registration.distribution_name) {
            return Err(if other.state == State::Installed {
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
    File::open(file).map(Some).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::wsl("Wsl/ERROR_FILE_NOT_FOUND", "The system cannot find the file specified.")
        }
        io::ErrorKind::PermissionDenied => Error::wsl("Wsl/E_ACCESSDENIED", "Access is denied."),
        _ => Error::System { doing: format!("open {}", file.display()), source: error },
    })
}

fn make_directory(directory: &Path) -> Result<bool> {
    match fs::create_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::wsl("Wsl/ERROR_PATH_NOT_FOUND", "The system cannot find the path specified."))
        }
        Err(error) => Err(error).doing("make", directory),
    }
}

fn needs_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::Missing(
        "an import restores owners and modes, which takes root: run it with sudo, or in a container or virtual machine \
         where you are root"
            .into(),
    ))
}

fn bsdtar(root: &Path) -> Command {
    let mut command = Command::new("bsdtar");
    // A C locale cannot unpack the UTF-8 names of PAX headers; WSL's system distribution has en_US.UTF-8.
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    command.env_clear().env("LANG", "C.UTF-8").env("PATH", path).arg("-C").arg(root);
    die_with_parent(&mut command);
    command
}

fn missing_bsdtar(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::Missing("WSL unpacks with bsdtar: install libarchive-tools".into());
    }
    Error::System { doing: "start bsdtar".into(), source: error }
}

fn unpack(root: &Path, archive: Option<File>) -> Result<()> {
    let failed =
        || Error::wsl("Wsl/Service/RegisterDistro/WSL_E_IMPORT_FAILED", "Importing the distribution failed.");
    let mut builder = DirBuilder::new();
    // mkfs.ext4 leaves a directory of its own in the root.
    builder.recursive(true).create(root).doing("make", root)?;
    builder.mode(0o700).create(root.join("lost+found")).doing("make", root.join("lost+found"))?;
    let mut child = bsdtar(root)
        .args(["-x", "-p", "--xattrs", "--numeric-owner", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(missing_bsdtar)?;
    let pipe = child.stdin.take();
    // bsdtar reads a pipe, as under WSL: from a seekable file it takes formats that WSL cannot.
    let feeder = std::thread::spawn(move || -> io::Result<()> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        // Fewer turns between two processes; a smaller pipe does as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_SIZE);
        match archive {
            Some(mut file) => io::copy(&mut file, &mut pipe),
            None => io::copy(&mut io::stdin().lock(), &mut pipe),
        }?;
        Ok(())
    });
    let status = child.wait().doing("wait for", "bsdtar")?;
    if !status.success() {
        return Err(failed());
    }
    match feeder.join() {
        // bsdtar stops at the end of the archive and takes nothing after it.
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).doing("read", "the archive")
        }
        _ => Ok(()),
    }
}

/// Looks at what was unpacked (W§1.4): is it a distribution, which one, and what does it ask for.
fn examine(registration: &mut Registration) -> Result<Distribution> {
    let path = registration.root();
    let root = Root(&path);
    if !root.exists("/etc") && !root.exists("/bin/sh") {
        return Err(Error::wsl(
            "Wsl/Service/RegisterDistro/WSL_E_NOT_A_LINUX_DISTRO",
            "The imported file is not a valid Linux distribution.",
        ));
    }
    let release = root.read("/etc/os-release").unwrap_or_default();
    let release = String::from_utf8_lossy(&release);
    registration.flavor = release_field(&release, "ID");
    registration.os_version = release_field(&release, "VERSION_ID");
    let conf = root.read("/etc/wsl-distribution.conf").unwrap_or_default();
    let (distribution, diagnostics) = Distribution::parse(&conf);
    // WSL is silent here, and the distribution has lost a setting.
    for diagnostic in diagnostics {
        eprintln!("wsl-sim: hidden by WSL: wsl-distribution.conf: {diagnostic}");
    }
    if let Some(icon) = distribution.shortcut_icon.as_deref().filter(|_| distribution.shortcut_enabled)
        && let Err(error) = root.read_resource(icon)
    {
        eprintln!("wsl-sim: hidden by WSL: shortcut.icon: {error}");
    }
    if let Some(template) = distribution
        .windowsterminal_profile_template
        .as_deref()
        .filter(|_| distribution.windowsterminal_enabled)
    {
        match root.read_resource(template) {
            Err(error) => eprintln!("wsl-sim: hidden by WSL: windowsterminal.profileTemplate: {error}"),
            Ok(json) => {
                if let Err(problem) = check_template(&json) {
                    eprintln!(
                        "wsl: Failed to parse terminal profile while registering distribution: {problem}"
                    );
                }
            }
        }
    }
    Ok(distribution)
}

fn check_template(json: &[u8]) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let profiles = value.as_object().and_then(|object| object.get("profiles"));
    if profiles.is_some_and(serde_json::Value::is_array) {
        return Ok(());
    }
    Err("it is not an object with an array 'profiles'".into())
}

/// WSL's expression: `^NAME="?([a-zA-Z0-9\-_\.,]*)"?$`.
fn release_field(release: &str, name: &str) -> Option<String> {
    release.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        let value = value.strip_prefix('"').unwrap_or(value);
        let value = value.strip_suffix('"').unwrap_or(value);
        value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.,".contains(&byte))
            .then(|| value.into())
    })
}

/// Writes a distribution to an archive (W§1.5); a running one is terminated first.
///
/// # Errors
///
/// WSL's own; a half written archive is deleted.
pub fn export(registry: &Registry, name: &str, file: &Path, format: Format) -> Result<()> {
    needs_root()?;
    let mut registration = installed(&registry.lock()?, name)?;
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
        .map_err(missing_bsdtar);
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

/// A distribution that can be used.
///
/// # Errors
///
/// There is none of that name, or it is being installed, removed or exported.
pub fn installed(locked: &Locked<'_>, name: &str) -> Result<Registration> {
    let registration = locked.get(name)?;
    if registration.state == State::Installed { Ok(registration) } else { Err(Error::busy()) }
}

/// Prints WSL's list.
///
/// # Errors
///
/// Standard output is closed.
pub fn print_list(
    registrations: &[(Registration, bool)],
    default: Option<&str>,
    list: crate::sim::cli::List,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_default = |entry: &Registration| default == Some(entry.distribution_name.as_str());
    let state = |entry: &(Registration, bool)| match entry.0.state {
        State::Installing(_) => "Installing",
        State::Uninstalling(_) => "Uninstalling",
        State::Exporting(_) => "Exporting",
        State::Installed if entry.1 => "Running",
        State::Installed => "Stopped",
    };
    let mut entries: Vec<_> = registrations.iter().collect();
    entries.sort_by_key(|entry| !is_default(&entry.0));
    if list.verbose {
        let width = entries.iter().map(|entry| entry.0.distribution_name.len()).max().unwrap_or(0).max(4) + 4;
        writeln!(out, "  {:width$}{:16}VERSION", "NAME", "STATE")?;
        for entry in entries {
            let mark = if is_default(&entry.0) { '*' } else { ' ' };
            writeln!(out, "{mark} {:width$}{:16}2", entry.0.distribution_name, state(entry))?;
        }
        return Ok(());
    }
    entries.retain(|entry| {
        (list.all || entry.0.state == State::Installed) && (!list.running || state(entry) == "Running")
    });
    if !list.quiet {
        writeln!(out, "Windows Subsystem for Linux Distributions:")?;
    }
    for entry in entries {
        let name = &entry.0.distribution_name;
        if !list.quiet && is_default(&entry.0) {
            writeln!(out, "{name} (Default)")?;
        } else {
            writeln!(out, "{name}")?;
        }
    }
    Ok(())
}
