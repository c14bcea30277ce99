//! `nixos-wsl-accept`: the acceptance suite for images. See `nixos_wsl::accept`.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use nixos_wsl::accept::arguments::AcceptArguments;
use nixos_wsl::accept::bench::remove_leftovers;
use nixos_wsl::accept::call::WslProgram;
use nixos_wsl::accept::report::written;
use nixos_wsl::accept::suite::{Suite, chosen};

/// Where the suite itself could not begin.
const NOT_BEGUN: u8 = 2;

fn main() -> ExitCode {
    match run(&AcceptArguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("nixos-wsl-accept: {error:#}");
            ExitCode::from(NOT_BEGUN)
        }
    }
}

fn run(arguments: &AcceptArguments) -> anyhow::Result<ExitCode> {
    let wsl = WslProgram { path: arguments.wsl.clone(), limit: Duration::from_secs(arguments.limit) };
    if arguments.clean {
        for name in remove_leftovers(&wsl)? {
            println!("{name} is removed");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let cases = chosen(&arguments.only);
    anyhow::ensure!(!cases.is_empty(), "no case has such a name: --list prints them");
    let Some(image) = arguments.image.as_deref().filter(|_| !arguments.list) else {
        for case in cases {
            println!("{:<24} {}", case.name, case.proves);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let suite = Suite { wsl, image, directory: arguments.directory.as_deref(), cases: &cases };
    let report = suite.run(&mut |result| {
        eprintln!("{} {} ({} s) {}", result.outcome, result.name, result.seconds, result.reason);
    })?;
    let text = written(&report, arguments.format)?;
    match &arguments.output {
        Some(path) => fs::write(path, text).with_context(|| path.display().to_string())?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    eprintln!("{} passed, {} failed, {} skipped", report.passed, report.failed, report.skipped);
    Ok(ExitCode::from(u8::from(report.failed > 0)))
}
