//! The command line tool.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use nixos_wsl::boot::root::Root;
use nixos_wsl::boot::{apply, choose, generations, listing, log, recover};
use nixos_wsl::features::accounts::{self, Program};
use nixos_wsl::features::{drivers, start_menu, usbip};
use nixos_wsl::namespace::status;
use nixos_wsl::namespace::stop::{self, Stopped};
use nixos_wsl::table::{self, Colour, Row};

/// Looks after NixOS on WSL.
#[derive(Parser)]
#[command(name = "nixos-wsl", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  nixos-wsl generations           what can be booted, and why something did not
  sudo nixos-wsl boot 41 --once   try generation 41 at the next start
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover rollback
                                  from Windows: go back although nothing boots";

#[derive(Subcommand)]
enum Command {
    /// Lists the generations: date, version, and why one failed to boot
    #[command(after_help = "Examples:\n  nixos-wsl generations\n  NO_COLOR=1 nixos-wsl generations")]
    Generations,
    /// Chooses the generation that boots from the next start on
    #[command(after_help = "Examples:\n  sudo nixos-wsl boot 41\n  sudo nixos-wsl boot 42 --once")]
    Boot {
        /// Number of the generation
        number: u64,
        /// For the next start only
        #[arg(long)]
        once: bool,
    },
    /// Says where systemd runs
    #[command(after_help = "Example:\n  nixos-wsl status")]
    Status,
    /// Opens a login shell beside systemd (namespace mode); every shell of WSL's does so by itself
    #[command(after_help = "Examples:\n  nixos-wsl enter\n  sudo nixos-wsl enter -u alice")]
    Enter {
        /// Whose shell, for root
        #[arg(long, short)]
        user: Option<String>,
    },
    /// Runs a program beside systemd (namespace mode)
    #[command(
        after_help = "Examples:\n  nixos-wsl exec systemctl --failed\n  wsl -e /bin/nixos-wsl exec nixos-rebuild switch"
    )]
    Exec {
        /// As whom, for root
        #[arg(long, short)]
        user: Option<String>,
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Stops systemd and all that runs beside it (namespace mode)
    #[command(after_help = "Example:\n  sudo nixos-wsl stop")]
    Stop {
        /// Seconds until it is killed
        #[arg(long, default_value_t = 90)]
        timeout: u64,
    },
    /// Shows the log of the last start, and the journal if systemd runs
    #[command(after_help = "Examples:\n  nixos-wsl logs\n  sudo nixos-wsl logs -p warning")]
    Logs {
        /// Arguments of journalctl [default: -b --no-pager -n 200]
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        journal: Vec<OsString>,
    },
    /// Repairs a distribution that does not start, from WSL's system distribution
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover {
        /// Root folder of the distribution [default: where this program lies, or /mnt/wslg/distro]
        #[arg(long, global = true)]
        root: Option<PathBuf>,
        #[command(subcommand)]
        action: Option<Recover>,
    },
    /// Says which version of the project and of NixOS this is
    #[command(after_help = "Examples:\n  nixos-wsl version\n  nixos-wsl version --json")]
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Brings the files outside the store up to date; the activation runs it
    #[command(after_help = "Example:\n  nixos-wsl apply /run/current-system/nixos-wsl/root.json")]
    Apply {
        /// `nixos-wsl/root.json` of a system
        file: PathBuf,
    },
    /// Links the graphics drivers of NixOS and of Windows together; nixos-wsl-graphics.service runs it
    #[command(hide = true)]
    LinkDrivers {
        /// NixOS's drivers
        #[arg(long)]
        drivers: PathBuf,
        /// The folder with the libraries of Windows
        #[arg(long)]
        windows: PathBuf,
        /// A further file of Windows
        #[arg(long)]
        also: Vec<PathBuf>,
        /// The folder to make
        farm: PathBuf,
    },
    /// Copies desktop files and icons for the start menu of Windows; nixos-wsl-start-menu.service runs it
    #[command(hide = true)]
    StartMenu {
        /// `share` folders, of which the first to have a file wins; at last the one to copy to
        #[arg(required = true, num_args = 2..)]
        folders: Vec<PathBuf>,
    },
    /// Keeps a USB device of Windows attached; usbip-auto-attach@.service runs it
    #[command(hide = true)]
    UsbipAttach {
        /// The kernel's tool
        #[arg(long)]
        usbip: PathBuf,
        /// Address of Windows [default: the default route's gateway]
        #[arg(long)]
        host: Option<String>,
        /// Bus id on Windows, such as 4-1
        busid: String,
    },
    /// Notes that the boot is complete; nixos-wsl-boot-complete.service runs it
    #[command(hide = true)]
    BootComplete {
        /// The system stops cleanly
        #[arg(long)]
        stopping: bool,
    },
}

const RECOVER_EXAMPLES: &str = "\
Examples, from Windows (the distribution must be running, if only as far as it gets):
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover rollback
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover enter";

#[derive(Subcommand)]
enum Recover {
    /// Lists the generations
    List,
    /// Goes back to the newest older generation that can boot
    Rollback,
    /// Chooses a generation
    Boot {
        /// Number of the generation
        number: u64,
    },
    /// Opens a shell in the distribution, with a generation activated
    Enter {
        /// Number of the generation [default: the first that has what it takes]
        #[arg(long, short)]
        generation: Option<u64>,
        /// A program to run instead of a shell
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    if let Some(program) = Program::of(Path::new(&name)) {
        return account(program);
    }
    let outcome = match Arguments::parse().command {
        Command::Generations => {
            show_generations(&Root::default());
            Ok(())
        }
        Command::Boot { number, once } => boot(number, once),
        Command::Status => {
            println!("systemd: {}", status::status());
            Ok(())
        }
        Command::Enter { user } => Err(status::open(user.as_deref(), &[]).into()),
        Command::Exec { user, command } => Err(status::open(user.as_deref(), &command).into()),
        Command::Stop { timeout } => stop(Duration::from_secs(timeout)),
        Command::Logs { journal } => logs(journal),
        Command::Recover { root, action } => repair(root, action),
        Command::Version { json } => {
            version(json);
            Ok(())
        }
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

fn show_generations(root: &Root) {
    let (lines, warning) = listing::list(root);
    if let Some(warning) = warning {
        eprintln!("nixos-wsl: {warning}");
    }
    if lines.is_empty() {
        eprintln!("nixos-wsl: {} has no generation", root.path(generations::PROFILES).display());
        return;
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
    print!("{}", table::render(&["N", "DATE (UTC)", "VERSION", "USE", "FAILURE"], &rows, table::coloured()));
}

fn boot(number: u64, once: bool) -> Outcome {
    let generation = choose::choose(&Root::default(), number, once)?;
    let when = if once { "at the next start, once" } else { "from the next start on" };
    println!("{generation} boots {when}. Start again with `wsl --terminate {}`.", distribution());
    Ok(())
}

fn distribution() -> String {
    std::env::var("WSL_DISTRO_NAME").unwrap_or_else(|_| "NixOS".to_owned())
}

fn stop(patience: Duration) -> Outcome {
    if status::status() == status::Status::Inside {
        return Err("this shell is beside the systemd that is to stop; `systemctl poweroff` does it".into());
    }
    match stop::stop(patience)? {
        Stopped::NotRunning => println!("systemd was not running."),
        Stopped::Cleanly => println!("systemd has stopped."),
        Stopped::Killed => println!("systemd did not stop in time and was killed."),
    }
    Ok(())
}

fn logs(mut journal: Vec<OsString>) -> Outcome {
    for file in [log::FILE, "/run/nixos-wsl/console"] {
        match std::fs::read(file) {
            Ok(text) => std::io::Write::write_all(&mut std::io::stdout(), &text)?,
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

fn repair(root: Option<PathBuf>, action: Option<Recover>) -> Outcome {
    let root = root.map_or_else(recover::find_root, Root::new);
    match action {
        None => {
            show_generations(&root);
            println!("\n{RECOVER_EXAMPLES}");
        }
        Some(Recover::List) => show_generations(&root),
        Some(Recover::Rollback) => {
            recover::make_writable(&root)?;
            println!("{} boots from the next start on.", choose::roll_back(&root)?);
        }
        Some(Recover::Boot { number }) => {
            recover::make_writable(&root)?;
            println!("{} boots from the next start on.", choose::choose(&root, number, false)?);
        }
        Some(Recover::Enter { generation, command }) => {
            let generation = recover::pick(&root, generation)?;
            eprintln!("nixos-wsl: entering {} with {generation}", root.directory().display());
            recover::enter(&root, &generation, &command)?;
        }
    }
    Ok(())
}

fn link_drivers(nixos: &Path, windows: &Path, also: &[PathBuf], farm: &Path) -> Outcome {
    let linked = drivers::link(&drivers::Drivers { nixos, windows, also }, farm)?;
    println!("{}: {} of NixOS, {} of Windows", farm.display(), linked.nixos, linked.windows);
    Ok(())
}

fn start_menu(sources: &[PathBuf], target: &Path) -> Outcome {
    let copied = start_menu::update(sources, target)?;
    println!("{}: {} entries, {} icons", target.display(), copied.entries, copied.icons);
    Ok(())
}

fn usbip_attach(usbip: &Path, host: Option<&str>, busid: &str) -> Outcome {
    let device = usbip::Device { busid, host, usbip };
    let Err(error) = usbip::keep_attached(&device, &usbip::Places::default(), |state| match state {
        usbip::State::Attached | usbip::State::Attaching => println!("{busid} is attached"),
        usbip::State::Refused(why) => println!("{busid} waits: {why}"),
    });
    Err(error.into())
}

/// The revision of the modules that the running system was made with, where they knew it.
fn revision(root: &Root) -> Option<String> {
    let bytes = root.read("/etc/nixos-wsl/version.json", 1 << 16).ok()?;
    let version: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    version["rev"].as_str().filter(|revision| *revision != "unknown").map(str::to_owned)
}

fn version(json: bool) {
    let root = Root::default();
    let revision = revision(&root);
    let running =
        generations::Generation { number: None, toplevel: Path::new("/run/current-system").to_owned() };
    let nixos = Some(listing::version(&root, &running)).filter(|text| !text.is_empty());
    if json {
        let value = serde_json::json!({
            "release": env!("CARGO_PKG_VERSION"), "revision": revision, "nixos": nixos,
        });
        println!("{value}");
        return;
    }
    println!(
        "nixos-wsl {}{}",
        env!("CARGO_PKG_VERSION"),
        revision.map(|text| format!(" ({text})")).unwrap_or_default()
    );
    if let Some(nixos) = nixos {
        println!("NixOS {nixos}");
    }
}
