//! wsl.exe's command line: a pure function from arguments to a command.
//!
//! wsl.exe does not see arguments but one line, and hands the rest of it to the shell as it stands. A caller with an
//! argument vector (any program that starts wsl.exe) has it joined by the Windows rules first; so does [`parse`].

mod arguments;
mod launch;
mod line;
mod manage;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;

pub use launch::parse;
pub use line::join;
pub use usage::USAGE;

/// What wsl.exe was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a process (the default).
    Launch(Launch),
    /// `--import NAME DIR FILE`
    Import {
        /// Name of the distribution.
        name: String,
        /// Where its disk goes.
        directory: PathBuf,
        /// The archive; `-` is standard input.
        file: PathBuf,
    },
    /// `--install --from-file FILE`
    Install {
        /// The archive; `-` is standard input.
        file: PathBuf,
        /// Name instead of the one in wsl-distribution.conf.
        name: Option<String>,
        /// Where its disk goes.
        location: Option<PathBuf>,
        /// Start the first shell.
        launch: bool,
    },
    /// `--export NAME FILE`
    Export {
        /// Name of the distribution.
        name: String,
        /// The archive; `-` is standard output.
        file: PathBuf,
        /// Its compression.
        format: Format,
    },
    /// `--list`
    List(List),
    /// `--set-default NAME`
    SetDefault(String),
    /// `--terminate NAME`
    Terminate(String),
    /// `--shutdown`
    Shutdown,
    /// `--unregister NAME`
    Unregister(String),
    /// `--manage NAME --set-default-user USER`
    SetDefaultUser {
        /// Name of the distribution.
        name: String,
        /// The user.
        user: String,
    },
    /// `--status`
    Status,
    /// `--version`
    Version,
    /// `--help`
    Help,
}

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// `None`: the default distribution.
    pub distribution: Option<String>,
    /// `None`: the default user.
    pub user: Option<String>,
    /// A Linux path, or one that begins with `~`.
    pub directory: Option<String>,
    /// What to run.
    pub program: Program,
    /// The shell gets a dash before its name.
    pub login: bool,
}

/// What a launch runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// The user's shell.
    #[default]
    Shell,
    /// The user's shell with `-c` and this line.
    Line(OsString),
    /// This program, without a shell.
    Exec(Vec<OsString>),
}

/// `--list`'s options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // four switches of a command line
pub struct List {
    /// Also those being installed or removed.
    pub all: bool,
    /// Only those that run.
    pub running: bool,
    /// Only the names.
    pub quiet: bool,
    /// With state and version.
    pub verbose: bool,
}

/// `--export --format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `tar`
    #[default]
    Tar,
    /// `tar.gz`
    Gzip,
    /// `tar.xz`
    Xz,
}
