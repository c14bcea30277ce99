//! `wsl-sim`: wsl.exe's command line for a simulated WSL. See `nixos_wsl::sim`.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nixos_wsl::boot::builtin;
use nixos_wsl::sim::cli::{parse, run, wide::Utf16Writer};
use nixos_wsl::sim::guest::{applets, first};
use nixos_wsl::sim::host::disks::holder;
use nixos_wsl::sim::host::{mini_init, record, supervisor, vm};
use nixos_wsl::sim::wire::error::Error;

/// wsl.exe's −1.
const FAILURE: u8 = 255;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let own = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let name = Path::new(&own).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name == record::SUPERVISOR {
        return inner(supervisor::run(first::run));
    }
    if name == vm::MINI_INIT {
        let [home, version] = &arguments[..] else { return ExitCode::FAILURE };
        return inner(mini_init::run(Path::new(home), &version.to_string_lossy()));
    }
    if name == holder::HOLDER {
        let [pid, start, folder, disk] = &arguments[..] else { return ExitCode::FAILURE };
        return inner(holder::run(
            (&pid.to_string_lossy(), &start.to_string_lossy()),
            Path::new(folder),
            Path::new(disk),
        ));
    }
    // The shell of the system distribution, which has no other program.
    if ["sh", "bash", "-bash"].contains(&name.as_str()) {
        return builtin::run(&std::env::args_os().collect::<Vec<_>>());
    }
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(code) = applets::run(&name, &words) {
        return code;
    }
    // Windows gives a program one line, and a pipe behind wsl.exe its messages in UTF-16.
    let line = std::env::var("WSL_SIM_LINE").ok();
    let mut out: Box<dyn Write> = match &line {
        Some(_) if std::env::var_os("WSL_UTF8").is_none_or(|value| value != "1") => {
            Box::new(Utf16Writer(io::stdout()))
        }
        _ => Box::new(io::stdout()),
    };
    let parsed = line.map_or_else(|| parse::parse(&arguments), |line| parse::parse_line(&line));
    match parsed.and_then(|command| run::run(command, &mut *out)) {
        // Exit codes have eight bits here, and thirty-two under Windows.
        Ok(code) => ExitCode::from(code.to_le_bytes()[0]),
        Err(error) => {
            report(&error, &mut *out);
            ExitCode::from(FAILURE)
        }
    }
}

/// wsl.exe prints its own failures on standard output (W§6.4); the simulator's own go to standard error.
fn report(error: &Error, out: &mut dyn Write) {
    match error {
        Error::Wsl { .. } | Error::Plain(_) => drop(writeln!(out, "{error}")),
        Error::System(_) | Error::Missing(_) => eprintln!("{error}"),
    }
}

/// How a process of the simulator's own ends: whoever started it reads one line.
fn inner(result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stdout(), "{}", error.to_string().replace('\n', "\u{1f}"));
            ExitCode::FAILURE
        }
    }
}
