//! `wsl-sim`: wsl.exe's command line for a simulated WSL. See `nixos_wsl::sim`.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use nixos_wsl::sim::cli::{self, Command, Launch};
use nixos_wsl::sim::error::{Error, Result};
use nixos_wsl::sim::import::{self, Import};
use nixos_wsl::sim::registration::Registration;
use nixos_wsl::sim::registry::Registry;
use nixos_wsl::sim::{applets, cgroup, client, export, instance, list, supervisor};

/// wsl.exe's −1.
const FAILURE: u8 = 255;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let own = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let name = Path::new(&own).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name == supervisor::NAME {
        return supervise();
    }
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(code) = applets::run(&name, &words) {
        return code;
    }
    match cli::parse(&arguments).and_then(run) {
        // Exit codes have eight bits here, and thirty-two under Windows.
        Ok(code) => ExitCode::from(code.to_le_bytes()[0]),
        Err(error) => {
            report(&error);
            ExitCode::from(FAILURE)
        }
    }
}

/// wsl.exe prints its own failures on standard output (W§6.4); the simulator's own go to standard error.
fn report(error: &Error) {
    match error {
        Error::Wsl { .. } | Error::Plain(_) => drop(writeln!(io::stdout(), "{error}")),
        Error::System { .. } | Error::Missing(_) => eprintln!("{error}"),
    }
}

fn supervise() -> ExitCode {
    match supervisor::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", error.to_string().replace('\n', "\u{1f}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<i32> {
    match command {
        Command::Help => return Ok(say(cli::USAGE)),
        Command::Version => return Ok(say(concat!("wsl-sim ", env!("CARGO_PKG_VERSION")))),
        _ => {}
    }
    let registry = Registry::open()?;
    instance::sweep(&registry)?;
    match command {
        Command::Help | Command::Version => Ok(0),
        Command::Launch(launch) => start(&registry, &launch),
        Command::Import { name, directory, file } => {
            if io::stderr().is_terminal() {
                eprintln!("Import in progress, this may take a few minutes.");
            }
            let import = Import { name: Some(&name), directory: Some(&directory), file: &file, oobe: false };
            import::import(&registry, &import)?;
            Ok(done())
        }
        Command::Install { file, name, location, launch } => {
            say(&format!("Installing: {}", file.display()));
            let import =
                Import { name: name.as_deref(), directory: location.as_deref(), file: &file, oobe: true };
            let name = import::import(&registry, &import)?;
            say(&format!("Distribution successfully installed. It can be launched via 'wsl.exe -d {name}'"));
            if !launch {
                return Ok(0);
            }
            say(&format!("Launching {name}..."));
            // Interactive, but no login shell (W§6.2).
            start(&registry, &Launch { distribution: Some(name), ..Launch::default() })
        }
        Command::Export { name, file, format } => {
            export::export(&registry, &name, &file, format)?;
            if file == Path::new("-") { Ok(0) } else { Ok(done()) }
        }
        Command::List(options) => print_list(&registry, options),
        Command::SetDefault(name) => {
            let locked = registry.lock()?;
            let registration = locked.installed(&name)?;
            locked.set_default(&registration.distribution_name)?;
            Ok(done())
        }
        Command::Terminate(name) => {
            let registration = registry.lock()?.installed(&name)?;
            instance::terminate(&registry, &registration.distribution_name)?;
            Ok(done())
        }
        Command::Shutdown => {
            let all = registry.lock()?.all()?;
            for registration in all {
                instance::terminate(&registry, &registration.distribution_name)?;
            }
            Ok(0)
        }
        Command::Unregister(name) => {
            say("Unregistering.");
            export::unregister(&registry, &name)?;
            Ok(done())
        }
        Command::SetDefaultUser { name, user } => client::set_default_user(&registry, &name, &user)
            .map(|code| if code == 0 { done() } else { code }),
        Command::Status => {
            if let Some(name) = registry.lock()?.default()? {
                say(&format!("Default Distribution: {name}"));
            }
            say("Default Version: 2");
            Ok(say(if cgroup::nsdelegate() {
                "cgroup2 with nsdelegate, as under WSL"
            } else {
                "cgroup2 without nsdelegate, which only this machine's own mount could switch on"
            }))
        }
    }
}

/// Prints a line; a reader that has gone is no reason to stop. Gives the exit code of success.
fn say(text: &str) -> i32 {
    let _ = writeln!(io::stdout(), "{text}");
    0
}

fn done() -> i32 {
    say("The operation completed successfully.")
}

fn start(registry: &Registry, launch: &Launch) -> Result<i32> {
    let registration: Registration = {
        let locked = registry.lock()?;
        let name = match &launch.distribution {
            Some(name) => name.clone(),
            None => locked.default()?.ok_or_else(no_distributions)?,
        };
        locked.installed(&name)?
    };
    client::launch(registry, &registration, launch)
}

fn no_distributions() -> Error {
    Error::Plain(
        "Windows Subsystem for Linux has no installed distributions.\n\
         You can resolve this by installing a distribution with the instructions below:\n\n\
         Use 'wsl.exe --install --from-file <File>' to install."
            .into(),
    )
}

fn print_list(registry: &Registry, options: cli::List) -> Result<i32> {
    let (all, default) = {
        let locked = registry.lock()?;
        (locked.all()?, locked.default()?)
    };
    let entries: Vec<_> = all
        .into_iter()
        .map(|registration| {
            let running = instance::running(&registry.folder(&registration.distribution_name));
            (registration, running)
        })
        .collect();
    if options.running && !options.quiet && !entries.iter().any(|(_, running)| *running) {
        return Err(Error::Plain("There are no running distributions.".into()));
    }
    if entries.is_empty() && !options.quiet {
        return Err(no_distributions());
    }
    let _ = list::print_list(&entries, default.as_deref(), options, &mut io::stdout());
    Ok(0)
}
