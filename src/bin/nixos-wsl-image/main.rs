//! `nixos-wsl-image`: writes root file systems as archives and disks, and judges archives; the builder of the image derivation.
#![forbid(unsafe_code)]

mod manuals;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use nixos_wsl::image::arguments::{
    FindingsFormat, ImageArgs, ImageArguments, ImageCommand, InstallerArgs, ManifestArgs, ReleaseArgs,
    ValidateArgs, VhdxArgs,
};
use nixos_wsl::image::attrs::{self, StructuredAttributes};
use nixos_wsl::image::disk::{self, DiskForm};
use nixos_wsl::image::extra::Extra;
use nixos_wsl::image::installer;
use nixos_wsl::image::interrupt::Interrupt;
use nixos_wsl::image::manifest::{OfferedImage, manifest};
use nixos_wsl::image::release::{self, attributes::ReleaseAttributes};
use nixos_wsl::image::tarball::{self, Request};
use nixos_wsl::image::validate;

/// What is written.
enum Form {
    Archive,
    Installer { program: Option<PathBuf> },
    Disk { mke2fs: Option<PathBuf>, size: u64, raw: bool },
}

fn main() -> ExitCode {
    match ImageArguments::parse().command {
        ImageCommand::Tarball(args) => written(args, &Form::Archive),
        ImageCommand::Installer(InstallerArgs { program, image }) => {
            written(image, &Form::Installer { program })
        }
        ImageCommand::Vhdx(VhdxArgs { mke2fs, size, raw, image }) => {
            written(image, &Form::Disk { mke2fs, size: size << 30, raw })
        }
        ImageCommand::Validate(args) => validated(&args).unwrap_or_else(failed),
        ImageCommand::Manifest(args) => listed(&args).unwrap_or_else(failed),
        ImageCommand::Release(args) => released(&args).map_or_else(failed, |()| ExitCode::SUCCESS),
        ImageCommand::Manuals { directory, programs } => {
            manuals::write(&directory, &programs).map_or_else(failed, |()| ExitCode::SUCCESS)
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it ends a chain of results")]
fn failed(error: anyhow::Error) -> ExitCode {
    eprintln!("nixos-wsl-image: {error:#}");
    ExitCode::FAILURE
}

/// Writes the list of distributions.
fn listed(args: &ManifestArgs) -> anyhow::Result<ExitCode> {
    let read = |path: &PathBuf| OfferedImage::read(path).map(|image| (path.clone(), image));
    let images = args.images.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let list = manifest(&args.url, &images)?;
    let text = format!("{}\n", serde_json::to_string_pretty(&list)?);
    match &args.out {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => std::io::stdout().write_all(text.as_bytes()).context("standard output")?,
    }
    for (_, image) in &images {
        let (name, machine) = (&image.name, image.machine.name());
        eprintln!("{name} for {machine}: {}, {} bytes, sha256 {}", image.file_name, image.size, image.sha256);
    }
    Ok(ExitCode::SUCCESS)
}

/// Judges an archive; a failure where there is an error in it.
fn validated(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let verdict = validate::judge(&args.file, &args.rules, args.arch)?;
    let text = match args.format {
        FindingsFormat::Json => serde_json::to_string(&verdict)?,
        FindingsFormat::Text => verdict.to_string(),
    };
    std::io::stdout().write_all(format!("{}\n", text.trim_end()).as_bytes()).context("standard output")?;
    Ok(if verdict.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes an image, unless a signal ends it.
fn written(args: ImageArgs, form: &Form) -> ExitCode {
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("nixos-wsl-image: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(args, form, &interrupt) {
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

/// Writes the image and says what it is.
fn run(args: ImageArgs, form: &Form, interrupt: &Interrupt) -> anyhow::Result<()> {
    let start = Instant::now();
    let request = Request {
        attributes: StructuredAttributes::read(&attrs::locate(args.attrs))?,
        store: args.store,
        out: args.file.or(args.out),
        cores: threads(args.cores),
        extra: Extra { files: args.extra_files, owners: owners(&args.chown)? },
    };
    let report = match form {
        Form::Archive => tarball::write(&request, interrupt)?,
        Form::Installer { program } => {
            let program = program
                .clone()
                .or_else(|| request.attributes.install_program.clone())
                .context("an installer needs the static nixos-wsl-install: give --program FILE")?;
            installer::write(&request, &program, interrupt)?
        }
        Form::Disk { mke2fs, size, raw } => {
            let mke2fs = mke2fs.clone().or_else(|| request.attributes.mke2fs.clone());
            let mke2fs = mke2fs.unwrap_or("mke2fs".into());
            disk::write(&request, &DiskForm { size: *size, mke2fs, raw: *raw }, interrupt)?
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

/// As many threads as are wanted; one a processor for 0, as Nix counts.
fn threads(cores: usize) -> usize {
    if cores == 0 { thread::available_parallelism().map_or(1, Into::into) } else { cores }
}

/// Writes a release's folder.
fn released(args: &ReleaseArgs) -> anyhow::Result<()> {
    let attributes = ReleaseAttributes::read(&attrs::locate(args.attrs.clone()))?;
    let folder =
        args.out.as_ref().or(attributes.out.as_ref()).context("a release needs a folder: give --out DIR")?;
    release::write(&attributes, folder, threads(args.cores))?;
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
