//! The command line tool.
#![forbid(unsafe_code)]

mod arguments;

use std::ffi::OsString;
use std::fmt::Arguments as Text;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use arguments::{Arguments, Command, RECOVER_EXAMPLES, Recover};
use clap::Parser;
use nixos_wsl::apply;
use nixos_wsl::boot::{choose, listing};
use nixos_wsl::command::accounts::{self, Program};
use nixos_wsl::command::status;
use nixos_wsl::command::table::{self, Colour, Row};
use nixos_wsl::command::{doctor, recover};
use nixos_wsl::features::{drivers, start_menu, usbip};
use nixos_wsl::namespace::state::State;
use nixos_wsl::namespace::stop::{self, Stopped};
use nixos_wsl::system::root::Root;
use nixos_wsl::system::{generations, log};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    nixos_wsl::sys::default_sigpipe();
    let name = std::env::args_os().next().unwrap_or_default();
    if let Some(program) = Program::of(Path::new(&name)) {
        return account(program);
    }
    let outcome = match Arguments::parse().command {
        Command::Generations => show_generations(&Root::default()),
        Command::Boot { number, once } => boot(number, once),
        Command::Status => say(format_args!("systemd: {}", status::status())),
        Command::Enter { user } => Err(status::open(user.as_deref(), &[]).into()),
        Command::Exec { user, command } => Err(status::open(user.as_deref(), &command).into()),
        Command::Stop { timeout } => stop(Duration::from_secs(timeout)),
        Command::Logs { journal } => logs(journal),
        Command::Doctor { root } => doctor(&Root::new(root)),
        Command::Recover { root, action } => repair(root, action),
        Command::Version { json } => version(json),
        Command::Apply { file } => apply::apply(&Root::default(), &file).map_err(Into::into),
        Command::LinkDrivers { drivers, windows, also, farm } => {
            link_drivers(&drivers, &windows, &also, &farm)
        }
        Command::StartMenu { mut folders } => {
            let target = folders.pop().unwrap_or_default();
            start_menu(&folders, &target)
        }
        Command::UsbipAttach { usbip, host, busid } => usbip_attach(&usbip, host.as_deref(), &busid),
        Command::BootComplete { stopping } => {
            State::note_stopping(stopping);
            choose::complete(&Root::default(), stopping).map_err(Into::into)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nixos-wsl: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line; a full disk behind standard output is an error like any other.
fn say(text: Text<'_>) -> Outcome {
    write(format!("{text}\n").as_bytes())
}

fn write(bytes: &[u8]) -> Outcome {
    std::io::stdout().write_all(bytes).map_err(|error| format!("standard output: {error}").into())
}

/// Under another name: one of the programs of a stock launcher.
fn account(program: Program) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match accounts::run(program, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            for line in refusal.to_string().lines() {
                eprintln!("{}: {line}", program.name());
            }
            ExitCode::from(refusal.code)
        }
    }
}

fn show_generations(root: &Root) -> Outcome {
    let (lines, warnings) = listing::list(root);
    for warning in warnings {
        eprintln!("nixos-wsl: {warning}");
    }
    if lines.is_empty() {
        eprintln!("nixos-wsl: {} has no generation", root.path(generations::PROFILES).display());
        return Ok(());
    }
    let rows: Vec<Row> = lines
        .iter()
        .map(|line| Row {
            cells: vec![
                line.generation.number.map(|number| number.to_string()).unwrap_or_default(),
                line.date.clone(),
                line.version.clone(),
                line.marks(),
                line.failure.clone().unwrap_or_default(),
            ],
            colour: match line {
                _ if line.failure.is_some() => Some(Colour::Bad),
                _ if line.running => Some(Colour::Good),
                _ => None,
            },
        })
        .collect();
    let titles = ["N", "DATE (UTC)", "VERSION", "USE", "FAILURE"];
    write(table::render(&titles, &rows, table::coloured()).as_bytes())
}

fn boot(number: u64, once: bool) -> Outcome {
    let generation = choose::choose(&Root::default(), number, once)?;
    let when = if once { "at the next start, once" } else { "from the next start on" };
    say(format_args!("{generation} boots {when}. Start again with `wsl --terminate {}`.", distribution()))
}

fn distribution() -> String {
    std::env::var("WSL_DISTRO_NAME").unwrap_or_else(|_| "NixOS".to_owned())
}

fn stop(patience: Duration) -> Outcome {
    if status::status() == status::Status::Inside {
        return Err("this shell is beside the systemd that is to stop; `systemctl poweroff` does it".into());
    }
    say(match stop::stop(patience)? {
        Stopped::NotRunning => format_args!("systemd was not running."),
        Stopped::Cleanly => format_args!("systemd has stopped."),
        Stopped::Killed => format_args!("systemd did not stop in time and was killed."),
    })
}

fn logs(mut journal: Vec<OsString>) -> Outcome {
    for file in [log::FILE, "/run/nixos-wsl/console"] {
        match Root::default().read(file, 64 << 20) {
            Ok(text) => write(&text)?,
            Err(error) => eprintln!("nixos-wsl: {file}: {error}"),
        }
    }
    if !matches!(status::status(), status::Status::Inside | status::Status::Running(_)) {
        return Ok(());
    }
    if journal.is_empty() {
        journal = ["-b", "--no-pager", "-n", "200"].map(OsString::from).to_vec();
    }
    journal.insert(0, "journalctl".into());
    Err(status::open(None, &journal).into())
}

fn doctor(root: &Root) -> Outcome {
    let findings = doctor::examine(root);
    for finding in &findings {
        say(format_args!("{}\n  {}", finding.fault, finding.advice))?;
    }
    match findings.len() {
        0 => say(format_args!("Nothing is wrong here that this program knows of.")),
        1 => Err("1 thing is not as it should be".into()),
        count => Err(format!("{count} things are not as they should be").into()),
    }
}

fn repair(root: Option<PathBuf>, action: Option<Recover>) -> Outcome {
    let root = root.map_or_else(recover::find_root, Root::new);
    match action {
        None => {
            show_generations(&root)?;
            say(format_args!("\n{RECOVER_EXAMPLES}"))
        }
        Some(Recover::List) => show_generations(&root),
        Some(Recover::Rollback) => {
            recover::make_writable(&root)?;
            say(format_args!("{} boots from the next start on.", choose::roll_back(&root)?))
        }
        Some(Recover::Boot { number }) => {
            recover::make_writable(&root)?;
            say(format_args!("{} boots from the next start on.", choose::choose(&root, number, false)?))
        }
        Some(Recover::Enter { generation, command }) => {
            let generation = recover::pick(&root, generation)?;
            eprintln!("nixos-wsl: entering {} with {generation}", root.directory().display());
            recover::enter(&root, &generation, &command)?;
            Ok(())
        }
    }
}

fn link_drivers(nixos: &Path, windows: &Path, also: &[PathBuf], farm: &Path) -> Outcome {
    let linked = drivers::link(&drivers::Drivers { nixos, windows, also }, farm)?;
    say(format_args!("{}: {} of NixOS, {} of Windows", farm.display(), linked.nixos, linked.windows))
}

fn start_menu(sources: &[PathBuf], target: &Path) -> Outcome {
    let copied = start_menu::update(sources, target)?;
    say(format_args!("{}: {} entries, {} icons", target.display(), copied.entries, copied.icons))
}

fn usbip_attach(usbip: &Path, host: Option<&str>, busid: &str) -> Outcome {
    let device = usbip::Device { busid, host, usbip };
    // A message that nobody takes is no reason to give the device up.
    let Err(error) = usbip::keep_attached(&device, &usbip::Places::default(), |state| {
        let _ = match state {
            usbip::State::Attached | usbip::State::Attaching => say(format_args!("{busid} is attached")),
            usbip::State::Refused(why) => say(format_args!("{busid} waits: {why}")),
        };
    });
    Err(error.into())
}

/// The revision of the modules that the running system was made with, where they knew it.
fn revision(root: &Root) -> Option<String> {
    let file = "/etc/nixos-wsl/version.json";
    let parse = |bytes: Vec<u8>| Ok(serde_json::from_slice::<serde_json::Value>(&bytes)?);
    match root.read(file, 1 << 16).and_then(parse) {
        Ok(version) => version["rev"].as_str().filter(|revision| *revision != "unknown").map(str::to_owned),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            eprintln!("nixos-wsl: {file}: {error}");
            None
        }
    }
}

fn version(json: bool) -> Outcome {
    let root = Root::default();
    let revision = revision(&root);
    let running =
        generations::Generation { number: None, toplevel: Path::new("/run/current-system").to_owned() };
    let nixos = listing::version(&root, &running).unwrap_or_else(|reason| {
        eprintln!("nixos-wsl: {reason}");
        None
    });
    let release = env!("CARGO_PKG_VERSION");
    if json {
        let value = serde_json::json!({ "release": release, "revision": revision, "nixos": nixos });
        return say(format_args!("{value}"));
    }
    let revision = revision.map(|text| format!(" ({text})")).unwrap_or_default();
    let nixos = nixos.map(|text| format!("\nNixOS {text}")).unwrap_or_default();
    say(format_args!("nixos-wsl {release}{revision}{nixos}"))
}
