//! The command line of `nixos-wsl-accept`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Tries an image with wsl.exe, or with wsl-sim on Linux, and reports what works.
#[derive(Debug, Parser)]
#[command(
    name = "nixos-wsl-accept",
    version,
    max_term_width = 100,
    after_help = "The suite imports the image under names of its own, beginning with nixos-wsl-accept-, touches no \
    other distribution, and removes its own at the end. It ends with 0 where no case failed, with 1 where one did, and \
    with 2 where it could not begin.\n\n\
    Examples:\n  nixos-wsl-accept nixos.wsl\n  nixos-wsl-accept --format html --output report.html nixos.wsl\n  \
    nixos-wsl-accept --wsl wsl-sim --only 'shell-*' image.tar.gz"
)]
pub struct AcceptArguments {
    /// The image: what `wsl --import` takes
    #[arg(required_unless_present_any = ["list", "clean"])]
    pub image: Option<PathBuf>,
    /// The program with wsl.exe's command line
    #[arg(long, value_name = "PROGRAM", default_value = if cfg!(windows) { "wsl.exe" } else { "wsl-sim" })]
    pub wsl: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Tap)]
    pub format: ReportFormat,
    /// Where it is written, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only these cases; `*` stands for any text. Can be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Folder for the disks, which is made and removed
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Seconds after which a single command counts as hanging
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub limit: u64,
    /// Print the cases and what each proves
    #[arg(long)]
    pub list: bool,
    /// Remove the distributions that a suite which was interrupted has left
    #[arg(long, conflicts_with = "image")]
    pub clean: bool,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Test Anything Protocol, version 14
    Tap,
    /// One object, for programs
    Json,
    /// One page without scripts, to look at
    Html,
}
