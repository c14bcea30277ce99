//! The command line: commands, their options, and help with examples.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::doctor::Format;

/// Looks after NixOS on WSL.
#[derive(Debug, Parser)]
#[command(name = "nixos-wsl", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  nixos-wsl generations           what can be booted, and why something did not
  sudo nixos-wsl boot 41 --once   try generation 41 at the next start
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover rollback
                                  from Windows: go back although nothing boots";

/// A command, and its options.
#[derive(Debug, Subcommand)]
pub enum Command {
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
    /// Looks for what WSL would stumble over, or leaves out without a word
    #[command(
        after_help = "Examples:\n  nixos-wsl doctor\n  nixos-wsl doctor --format json\n  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl doctor"
    )]
    Doctor {
        /// Root folder of the distribution [default: where this program lies]
        #[arg(long)]
        root: Option<PathBuf>,
        /// For people, or for programs
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Makes the user of a new distribution; WSL runs it before the first shell
    #[command(
        after_help = "Examples:\n  sudo nixos-wsl oobe\n  wsl -d NixOS -u root -- nixos-wsl oobe --unattended --answers /mnt/c/answers.user-data"
    )]
    Oobe {
        /// cloud-init's user-data with the user's name [default: that of %USERPROFILE%\.cloud-init]
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
        /// Never ask: fail where no file answers
        #[arg(long)]
        unattended: bool,
        /// The script that WSL has started
        #[arg(hide = true)]
        script: Option<OsString>,
    },
    /// Repairs a distribution that does not start, from WSL's system distribution
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover {
        /// Root folder of the distribution [default: where this program lies, or /mnt/wslg/distro]
        #[arg(long, global = true)]
        root: Option<PathBuf>,
        /// What to do [default: list]
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
    /// Brings what WSL reads before a start to the system that starts next; `nixos-rebuild boot` and `switch` run it
    #[command(hide = true)]
    PrepareStart {
        /// The system that is installed: the profile says which starts next, so this is not looked at
        system: Option<PathBuf>,
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
        /// Whose entries they are: everything is read with this user's rights
        #[arg(long)]
        user: String,
        /// `share` folders, of which the first to have a file wins; at last the one to copy to
        #[arg(required = true, num_args = 2..)]
        folders: Vec<PathBuf>,
    },
    /// Removes what interrupted copies have left in the store; nixos-wsl-clean-store.service runs it
    #[command(hide = true)]
    CleanStore {
        /// The store
        #[arg(default_value = "/nix/store")]
        store: PathBuf,
    },
    /// Makes the bundle of certificates that programs trust; the activation and nixos-wsl-certificates.service run it
    #[command(hide = true)]
    TrustCertificates {
        /// The system's own bundle
        #[arg(long)]
        base: PathBuf,
        /// A folder with certificates
        #[arg(long)]
        folder: Vec<PathBuf>,
        /// Those that Windows trusts too
        #[arg(long)]
        windows: bool,
        /// Windows is asked and absent folders are empty, where an activation remembers both; what cannot be taken is an
        /// error
        #[arg(long)]
        ask: bool,
    },
    /// Asks Windows for its proxy, for services; nixos-wsl-proxy.service runs it
    #[command(hide = true)]
    WindowsProxy {
        /// A unit that begins anew where the proxy has changed
        #[arg(long)]
        restart: Option<String>,
    },
    /// Mounts the sockets of WSLg; nixos-wsl-x11.service runs it
    #[command(hide = true)]
    MountX11 {
        /// The folder with the sockets
        source: PathBuf,
        /// Where programs look for them
        target: PathBuf,
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
    /// Debian's adduser, as a stock launcher calls it; the script /usr/sbin/adduser runs it
    #[command(hide = true, name = "adduser")]
    AddUser(ScriptArguments),
    /// Debian's usermod, as a stock launcher calls it; the script /usr/sbin/usermod runs it
    #[command(hide = true, name = "usermod")]
    UserMod(ScriptArguments),
    /// Debian's deluser, as a stock launcher calls it; the script /usr/sbin/deluser runs it
    #[command(hide = true, name = "deluser")]
    DelUser(ScriptArguments),
    /// Notes that the boot is complete; nixos-wsl-boot-complete.service runs it
    #[command(hide = true)]
    BootComplete {
        /// The system shuts down instead
        #[arg(long)]
        stopping: bool,
        /// The system is in emergency or rescue mode instead
        #[arg(long, conflicts_with = "stopping")]
        emergency: bool,
    },
}

/// What the kernel hands to the program of a `#!` line.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct ScriptArguments {
    /// The script
    pub script: OsString,
    /// The script's arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// The examples in the help of `recover`.
pub const RECOVER_EXAMPLES: &str = "\
Examples, from Windows (the distribution must be running, if only as far as it gets):
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover rollback
  wsl --system -u root -d NixOS /mnt/wslg/distro/bin/nixos-wsl recover enter";

/// What `recover` does.
#[derive(Debug, Subcommand)]
pub enum Recover {
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
