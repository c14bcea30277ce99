//! Carries out the commands of wsl.exe.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::sim::cli::command::{CommandLine, InstallSource};
use crate::sim::cli::usage::USAGE;
use crate::sim::host::client::{self, Launch};
use crate::sim::host::disks::command::{mount_disk, unmount_disk};
use crate::sim::host::import::{self, Import};
use crate::sim::host::list::{self, ListOptions};
use crate::sim::host::registry::Registry;
use crate::sim::host::{cgroup, disk, export, import_vhd, instance, online, record, variables, vm};
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::sim::wire::version::WslVersion;
use crate::sim::wire::vm::Vm;

/// Carries out a command: the exit code, as wsl.exe has it. What wsl.exe itself says is written to `out`.
///
/// # Errors
///
/// WSL's own failures and the simulator's.
pub fn run(command: CommandLine, out: &mut dyn Write) -> Result<i32> {
    if command == CommandLine::Help {
        return Ok(print(out, USAGE));
    }
    let registry = Registry::open()?;
    instance::remove_ended(&registry)?;
    match command {
        CommandLine::Help => Ok(0),
        CommandLine::Version => {
            // As wsl.exe: what Podman Desktop reads of it are the first two lines.
            print(out, &format!("WSL version: {}", wsl_version(&registry)?));
            print(out, &format!("Kernel version: {}", rustix::system::uname().release().to_string_lossy()));
            Ok(print(out, concat!("wsl-sim version: ", env!("CARGO_PKG_VERSION"))))
        }
        CommandLine::Launch(options) => launch(&registry, &options),
        CommandLine::Import { name, directory, file } => {
            if io::stderr().is_terminal() {
                eprintln!("Import in progress, this may take a few minutes.");
            }
            let import = Import { name: Some(&name), directory: Some(&directory), file: &file, oobe: false };
            import::import(&registry, &import)?;
            Ok(completed(out))
        }
        CommandLine::ImportVhd { name, directory, file } => {
            import_vhd::import(&registry, &name, &directory, &file)?;
            Ok(completed(out))
        }
        CommandLine::ImportInPlace { name, file } => {
            import_vhd::import_in_place(&registry, &name, &file)?;
            Ok(completed(out))
        }
        CommandLine::Install { source, name, location, launch: start } => {
            let name = install(&registry, &source, name.as_deref(), location.as_deref(), out)?;
            print(
                out,
                &format!("Distribution successfully installed. It can be launched via 'wsl.exe -d {name}'"),
            );
            if !start {
                return Ok(0);
            }
            print(out, &format!("Launching {name}..."));
            // Interactive, but no login shell (W§6.2).
            launch(&registry, &Launch { distribution: Some(name), ..Launch::default() })
        }
        CommandLine::Export { name, file, format } => {
            export::export(&registry, &name, &file, format)?;
            if file == Path::new("-") { Ok(0) } else { Ok(completed(out)) }
        }
        CommandLine::List(options) => print_list(&registry, options, out),
        CommandLine::SetDefault(name) => {
            let locked = registry.lock()?;
            let registration = locked.installed(&name)?;
            locked.set_default(&registration.distribution_name)?;
            Ok(completed(out))
        }
        CommandLine::Terminate(name) => {
            let registration = registry.lock()?.installed(&name)?;
            instance::terminate(&registry, &registration.distribution_name)?;
            Ok(completed(out))
        }
        CommandLine::Shutdown => {
            let all = registry.lock()?.all()?;
            for registration in all {
                instance::terminate(&registry, &registration.distribution_name)?;
            }
            vm::shut_down(registry.home(), registry.stretch(cgroup::KILL_LIMIT))?;
            Ok(0)
        }
        CommandLine::Unregister(name) => {
            print(out, "Unregistering.");
            export::unregister(&registry, &name)?;
            Ok(completed(out))
        }
        CommandLine::SetDefaultUser { name, user } => client::set_default_user(&registry, &name, &user)
            .map(|code| if code == 0 { completed(out) } else { code }),
        CommandLine::Move { name, directory } => {
            disk::relocate(&registry, &name, &directory)?;
            Ok(completed(out))
        }
        CommandLine::Resize { name, size } => {
            disk::resize(&registry, &name, size)?;
            Ok(completed(out))
        }
        CommandLine::SetSparse { name, sparse, allow_unsafe } => {
            disk::set_sparse(&registry, &name, sparse, allow_unsafe)?;
            Ok(completed(out))
        }
        CommandLine::Mount(request) => mount_disk(&registry, &request).map(|said| say(out, said)),
        CommandLine::Unmount(disk) => unmount_disk(&registry, disk.as_deref()).map(|said| say(out, said)),
        CommandLine::Status => status(&registry, out),
    }
}

/// What there is, and how it is like WSL.
fn status(registry: &Registry, out: &mut dyn Write) -> Result<i32> {
    if let Some(name) = registry.lock()?.default()? {
        print(out, &format!("Default Distribution: {name}"));
    }
    print(out, "Default Version: 2");
    let version = wsl_version(registry)?;
    print(out, &format!("WSL version: {version} (cgroups: {})", version.layout().name()));
    Ok(print(
        out,
        if cgroup::nsdelegate() {
            "cgroup2 with nsdelegate, as under WSL"
        } else {
            "cgroup2 without nsdelegate, which only this machine's own mount could switch on"
        },
    ))
}

/// The version that runs, or else the one that would be started.
fn wsl_version(registry: &Registry) -> Result<WslVersion> {
    Vm::read(registry.home()).map_or_else(|| variables::version(registry.home()), |vm| Ok(vm.version))
}

/// Installs an archive, or a version from the lists of distributions, under its own name or another.
fn install(
    registry: &Registry,
    source: &InstallSource,
    name: Option<&str>,
    location: Option<&Path>,
    out: &mut dyn Write,
) -> Result<String> {
    let import =
        |name, file: &Path| import::import(registry, &Import { name, directory: location, file, oobe: true });
    match source {
        InstallSource::File(file) => {
            print(out, &format!("Installing: {}", file.display()));
            import(name, file)
        }
        InstallSource::Online(wanted) => {
            let version = online::find(wanted.as_deref())?;
            let name = name.unwrap_or(&version.name);
            // Before the download, which takes long.
            if registry.lock()?.get(name).is_ok() {
                return Err(Error::wsl(
                    "Wsl/InstallDistro/ERROR_ALREADY_EXISTS",
                    "Cannot create a file when that file already exists.",
                ));
            }
            let download = online::download(&version, &mut |line| {
                print(out, line);
            })?;
            import(Some(name), &download.path)
        }
    }
}

/// What a command has to say, and its exit code.
fn say(out: &mut dyn Write, (text, code): (String, i32)) -> i32 {
    print(out, &text);
    code
}

/// Prints a line; a closed standard output is no reason to stop. Gives the exit code of success.
fn print(out: &mut dyn Write, text: &str) -> i32 {
    let _ = writeln!(out, "{text}");
    0
}

fn completed(out: &mut dyn Write) -> i32 {
    print(out, "The operation completed successfully.")
}

fn launch(registry: &Registry, options: &Launch) -> Result<i32> {
    let registration: Registration = {
        let locked = registry.lock()?;
        let name = match &options.distribution {
            Some(name) => name.clone(),
            None => locked.default()?.ok_or_else(no_distributions)?,
        };
        locked.installed(&name)?
    };
    client::launch(registry, &registration, options)
}

fn no_distributions() -> Error {
    Error::Plain(
        "Windows Subsystem for Linux has no installed distributions.\n\
         You can resolve this by installing a distribution with the instructions below:\n\n\
         Use 'wsl.exe --install --from-file <File>' to install."
            .into(),
    )
}

fn print_list(registry: &Registry, options: ListOptions, out: &mut dyn Write) -> Result<i32> {
    let (all, default) = {
        let locked = registry.lock()?;
        (locked.all()?, locked.default()?)
    };
    let entries: Vec<_> = all
        .into_iter()
        .map(|registration| {
            let running = record::running(&registry.folder(&registration.distribution_name));
            (registration, running)
        })
        .collect();
    if options.running && !options.quiet && !entries.iter().any(|(_, running)| *running) {
        return Err(Error::Plain("There are no running distributions.".into()));
    }
    if entries.is_empty() && !options.quiet {
        return Err(no_distributions());
    }
    let _ = list::print_list(&entries, default.as_deref(), options, out);
    Ok(0)
}
