//! What a command line of wsl.exe asks for.

use std::path::PathBuf;

use crate::sim::host::client::Launch;
use crate::sim::host::disks::command::MountRequest;
use crate::sim::host::export::ArchiveFormat;
use crate::sim::host::list::ListOptions;

/// Where a distribution that is to be installed comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallSource {
    /// An archive; `-` is standard input.
    File(PathBuf),
    /// A name in the lists of distributions, or their default.
    Online(Option<String>),
}

/// What wsl.exe was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
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
    /// `--import NAME DIR FILE --vhd`
    ImportVhd {
        /// Name of the distribution.
        name: String,
        /// Where its disk goes.
        directory: PathBuf,
        /// The disk.
        file: PathBuf,
    },
    /// `--import-in-place NAME FILE`
    ImportInPlace {
        /// Name of the distribution.
        name: String,
        /// The disk.
        file: PathBuf,
    },
    /// `--install [NAME]` and `--install --from-file FILE`
    Install {
        /// What is installed.
        source: InstallSource,
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
        format: ArchiveFormat,
    },
    /// `--list`
    List(ListOptions),
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
    /// `--manage NAME --move DIR`
    Move {
        /// Name of the distribution.
        name: String,
        /// Where its disk goes.
        directory: PathBuf,
    },
    /// `--manage NAME --resize SIZE`
    Resize {
        /// Name of the distribution.
        name: String,
        /// The disk's new size in bytes.
        size: u64,
    },
    /// `--manage NAME --set-sparse true|false`
    SetSparse {
        /// Name of the distribution.
        name: String,
        /// Whether the disk's file gives back what is free.
        sparse: bool,
        /// `--allow-unsafe`
        allow_unsafe: bool,
    },
    /// `--mount DISK`
    Mount(MountRequest),
    /// `--unmount [DISK]`: all without one
    Unmount(Option<String>),
    /// `--status`
    Status,
    /// `--version`
    Version,
    /// `--help`
    Help,
}
