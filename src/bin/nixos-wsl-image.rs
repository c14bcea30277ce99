//! `nixos-wsl-image`: writes root file system archives; the builder of the image derivation.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use nixos_wsl::image::arguments::{ImageArguments, ImageCommand, InstallerArgs};
use nixos_wsl::image::attrs::{self, StructuredAttributes};
use nixos_wsl::image::extra::Extra;
use nixos_wsl::image::installer;
use nixos_wsl::image::interrupt::Interrupt;
use nixos_wsl::image::tarball::{self, Request};

fn main() -> ExitCode {
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("nixos-wsl-image: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(ImageArguments::parse().command, &interrupt) {
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
fn run(command: ImageCommand, interrupt: &Interrupt) -> anyhow::Result<()> {
    let start = Instant::now();
    let (args, installer) = match command {
        ImageCommand::Tarball(args) => (args, None),
        ImageCommand::Installer(InstallerArgs { program, image }) => (image, Some(program)),
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
