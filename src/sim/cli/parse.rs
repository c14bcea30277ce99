//! The command line that starts a process, and which command another one is.

use std::ffi::OsString;

use crate::sim::cli::arguments::Words;
use crate::sim::cli::command::CommandLine;
use crate::sim::cli::disks;
use crate::sim::cli::line::{join, split};
use crate::sim::cli::manage;
use crate::sim::cli::usage::{unknown, usage};
use crate::sim::host::client::{Launch, LaunchedProgram};
use crate::sim::wire::error::{Error, Result};

/// Parses the arguments after the program's name.
///
/// # Errors
///
/// WSL's message where a command line is refused.
pub fn parse(arguments: &[OsString]) -> Result<CommandLine> {
    parse_words(arguments, &|rest| join(rest))
}

/// Parses the line after the program's name, as Windows gives it to wsl.exe: a shell gets its end as it stands (W§6.2).
///
/// # Errors
///
/// As [`parse`].
pub fn parse_line(line: &str) -> Result<CommandLine> {
    let (places, words): (Vec<usize>, Vec<OsString>) = split(line).into_iter().unzip();
    parse_words(&words, &|rest| line[places[words.len() - rest.len()]..].into())
}

/// `end` gives the line of the words that are left.
fn parse_words(arguments: &[OsString], end: &dyn Fn(&[OsString]) -> OsString) -> Result<CommandLine> {
    let mut rest = Words(arguments);
    let mut launch = Launch::default();
    let mut shell = ShellType::Default;
    if rest.0.first().is_some_and(|argument| argument == "~") {
        launch.directory = Some("~".into());
        rest.next();
    }
    while let Some(argument) = rest.peek() {
        match argument.as_str() {
            "-d" | "--distribution" => {
                if launch.distribution.is_some() {
                    return Err(Error::Plain("The distribution name has already been set.".into()));
                }
                launch.distribution = Some(rest.parameter("--distribution")?);
            }
            "-u" | "--user" => launch.user = Some(rest.parameter("--user")?),
            "--system" => {
                launch.system = true;
                rest.next();
            }
            "--cd" => launch.directory = Some(directory(rest.value())?),
            "--shell-type" => {
                shell = match rest.parameter("--shell-type")?.as_str() {
                    "login" => ShellType::Login,
                    "standard" => ShellType::Standard,
                    "none" => ShellType::None,
                    _ => return Err(Error::invalid_argument()),
                }
            }
            "-e" | "--exec" => {
                rest.next();
                shell = ShellType::None;
                break;
            }
            "--" => {
                rest.next();
                break;
            }
            "--import" => return manage::import(rest),
            "--import-in-place" => return manage::import_in_place(rest),
            "--install" => return manage::install(rest),
            "--export" => return manage::export(rest),
            "-l" | "--list" => return manage::list(rest),
            "-s" | "--setdefault" | "--set-default" => {
                return rest.parameter("--set-default").map(CommandLine::SetDefault);
            }
            "-t" | "--terminate" => return rest.parameter("--terminate").map(CommandLine::Terminate),
            "--unregister" => return rest.parameter("--unregister").map(CommandLine::Unregister),
            "--mount" => return disks::mount(rest),
            "--unmount" => return disks::unmount(rest),
            "--manage" => return manage::manage(rest),
            "--shutdown" => {
                let options = rest.options(&[("--force", false)])?;
                return if options.positional.is_empty() { Ok(CommandLine::Shutdown) } else { Err(usage()) };
            }
            "--status" => return Ok(CommandLine::Status),
            "-v" | "--version" => return Ok(CommandLine::Version),
            "--help" => return Ok(CommandLine::Help),
            _ if argument.starts_with('-') => return Err(unknown(&argument)),
            _ => break,
        }
    }
    launch.program = match shell {
        ShellType::None if rest.0.is_empty() => return Err(Error::invalid_argument()),
        ShellType::None => LaunchedProgram::Exec(rest.0.to_vec()),
        _ if rest.0.is_empty() => LaunchedProgram::Shell,
        _ => LaunchedProgram::Line(end(rest.0)),
    };
    launch.login = match shell {
        ShellType::Login => true,
        ShellType::Default => launch.program == LaunchedProgram::Shell,
        ShellType::Standard | ShellType::None => false,
    };
    Ok(CommandLine::Launch(launch))
}

#[derive(Clone, Copy)]
enum ShellType {
    Default,
    Login,
    Standard,
    None,
}

fn directory(value: String) -> Result<String> {
    // wsl.exe also takes Windows paths; there are none here.
    if value.starts_with(['/', '~']) { Ok(value) } else { Err(Error::invalid_argument()) }
}
