//! `nixos-wsl-image`: writes root file system archives; the builder of the image derivation.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use nixos_wsl::image::attrs::{self, StructuredAttributes};
use nixos_wsl::image::closure::STORE_DIR;
use nixos_wsl::image::extra::Extra;
use nixos_wsl::image::installer;
use nixos_wsl::image::interrupt::Interrupt;
use nixos_wsl::image::tarball::{self, Request};

/// Writes root file systems for WSL from a Nix closure, without root, a copy of the closure or a second program.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the root file system as one .tar.gz that `wsl --import` takes.
    #[command(
        args_override_self = true,
        after_help = "As a derivation's builder it needs no option: Nix says everything in $NIX_ATTRS_JSON_FILE.\n\n\
        Example: nixos-wsl-image tarball --attrs attrs.json --extra-files keys --chown /home/alice/.ssh 1000:100 --out nixos.tar.gz"
    )]
    Tarball(ImageArgs),
    /// Write a small distribution that installs the same root file system over itself at its first start.
    #[command(
        args_override_self = true,
        after_help = "As a derivation's builder it needs no option: Nix says everything in $NIX_ATTRS_JSON_FILE.\n\n\
        Example: nixos-wsl-image installer --attrs attrs.json --program nixos-wsl-install --out install.tar.gz"
    )]
    Installer(InstallerArgs),
}

#[derive(Args)]
struct InstallerArgs {
    /// The static nixos-wsl-install [default: installProgram of the attributes]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    #[command(flatten)]
    image: ImageArgs,
}

#[derive(Args)]
struct ImageArgs {
    /// The derivation's structured attributes: closure, spec, fileName, compressionLevel
    #[arg(long, value_name = "FILE", env = "NIX_ATTRS_JSON_FILE")]
    attrs: PathBuf,
    /// The directory with the store paths to read
    #[arg(long, value_name = "DIR", default_value = STORE_DIR)]
    store: PathBuf,
    /// The archive [default: tarball/FILENAME in the derivation's output]
    #[arg(long, value_name = "FILE", env = "NIXOS_WSL_IMAGE")]
    out: Option<PathBuf>,
    /// The archive, as --out
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many threads compress; 0 for one a processor
    #[arg(long, value_name = "N", env = "NIX_BUILD_CORES", default_value_t = 0)]
    cores: usize,
    /// Lay the files of this directory over the root, as root's; may be repeated
    #[arg(long, value_name = "DIR")]
    extra_files: Vec<PathBuf>,
    /// Give a path of the image, and all below it, to this user and group; may be repeated
    #[arg(long, num_args = 2, value_names = ["PATH", "UID:GID"])]
    chown: Vec<String>,
}

fn main() -> ExitCode {
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("nixos-wsl-image: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(Cli::parse().command, &interrupt) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nixos-wsl-image: {error:#}");
            if let Some(signal) = interrupt.signal() {
                // Die of the signal, as the caller expects; the output is gone by now.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes the archive and says what it is.
fn run(command: Command, interrupt: &Interrupt) -> anyhow::Result<()> {
    let start = Instant::now();
    let (args, installer) = match command {
        Command::Tarball(args) => (args, None),
        Command::Installer(InstallerArgs { program, image }) => (image, Some(program)),
    };
    let request = Request {
        attributes: StructuredAttributes::read(&attrs::locate(args.attrs))?,
        store: args.store,
        out: args.file.or(args.out),
        cores: match args.cores {
            0 => thread::available_parallelism().map_or(1, Into::into),
            cores => cores,
        },
        extra: Extra { files: args.extra_files, owners: owners(&args.chown)? },
    };
    let report = match installer {
        None => tarball::write(&request, interrupt)?,
        Some(program) => {
            let program = program
                .or_else(|| request.attributes.install_program.clone())
                .context("an installer needs the static nixos-wsl-install: give --program FILE")?;
            installer::write(&request, &program, interrupt)?
        }
    };
    eprintln!(
        "{}: {} MB, {} members, {} store paths, {:.1} s",
        report.path.display(),
        report.size / 1_000_000,
        report.members,
        report.store_paths,
        start.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// The pairs of `--chown`.
fn owners(words: &[String]) -> anyhow::Result<Vec<(String, u32, u32)>> {
    let pair = |words: &[String]| {
        let [path, owner] = words else { return None };
        let (uid, gid) = owner.split_once(':')?;
        Some((path.clone(), uid.parse().ok()?, gid.parse().ok()?))
    };
    words
        .chunks(2)
        .map(|words| {
            pair(words)
                .with_context(|| format!("--chown {}: write PATH UID:GID, with numbers", words.join(" ")))
        })
        .collect()
}
