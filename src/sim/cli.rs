//! wsl.exe's command line: a pure function from arguments to a command.
//!
//! wsl.exe does not see arguments but one line, and hands the rest of it to the shell as it stands. A caller with an
//! argument vector (any program that starts wsl.exe) has it joined by the Windows rules first; so does [`parse`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::sim::error::{Error, Result};

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

/// Parses the arguments after the program's name.
///
/// # Errors
///
/// WSL's message where a command line is refused.
pub fn parse(arguments: &[OsString]) -> Result<Command> {
    let mut rest = Arguments(arguments);
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
            "--import" => return import(rest),
            "--install" => return install(rest),
            "--export" => return export(rest),
            "-l" | "--list" => return list(rest),
            "-s" | "--setdefault" | "--set-default" => {
                return rest.parameter("--set-default").map(Command::SetDefault);
            }
            "-t" | "--terminate" => return rest.parameter("--terminate").map(Command::Terminate),
            "--unregister" => return rest.parameter("--unregister").map(Command::Unregister),
            "--manage" => return manage(rest),
            "--shutdown" => {
                let options = rest.options(&[("--force", false)])?;
                return if options.positional.is_empty() { Ok(Command::Shutdown) } else { Err(usage()) };
            }
            "--status" => return Ok(Command::Status),
            "-v" | "--version" => return Ok(Command::Version),
            "--help" => return Ok(Command::Help),
            _ if argument.starts_with('-') => return Err(unknown(&argument)),
            _ => break,
        }
    }
    launch.program = match shell {
        ShellType::None if rest.0.is_empty() => return Err(Error::invalid_argument()),
        ShellType::None => Program::Exec(rest.0.to_vec()),
        _ if rest.0.is_empty() => Program::Shell,
        _ => Program::Line(join(rest.0)),
    };
    launch.login = match shell {
        ShellType::Login => true,
        ShellType::Default => launch.program == Program::Shell,
        ShellType::Standard | ShellType::None => false,
    };
    Ok(Command::Launch(launch))
}

/// Joins arguments as a Windows program does that has a vector and needs a line.
#[must_use]
pub fn join(arguments: &[OsString]) -> OsString {
    let mut line = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        quote(argument, &mut line);
    }
    OsString::from_vec(line)
}

/// Quotes only what has to be, and doubles backslashes only before a quote: the rules of `CommandLineToArgvW`.
fn quote(argument: &OsStr, line: &mut Vec<u8>) {
    let bytes = argument.as_bytes();
    let quoted = bytes.is_empty() || bytes.iter().any(|byte| b" \t\n\x0b".contains(byte));
    let mut backslashes = 0;
    if quoted {
        line.push(b'"');
    }
    for &byte in bytes {
        match byte {
            b'\\' => backslashes += 1,
            b'"' => {
                line.extend(std::iter::repeat_n(b'\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(byte);
    }
    if quoted {
        line.extend(std::iter::repeat_n(b'\\', backslashes));
        line.push(b'"');
    }
}

#[derive(Clone, Copy)]
enum ShellType {
    Default,
    Login,
    Standard,
    None,
}

struct Arguments<'a>(&'a [OsString]);

/// What followed a command word.
struct Options {
    positional: Vec<String>,
    /// By name; a switch has an empty value.
    named: Vec<(&'static str, String)>,
}

impl Options {
    fn get(&self, names: &[&str]) -> Option<String> {
        let found = self.named.iter().find(|(name, _)| names.contains(name));
        found.map(|(_, value)| value.clone())
    }
}

impl Arguments<'_> {
    fn peek(&self) -> Option<String> {
        self.0.first().map(|argument| argument.to_string_lossy().into_owned())
    }

    fn next(&mut self) -> Option<String> {
        let argument = self.peek()?;
        self.0 = &self.0[1..];
        Some(argument)
    }

    /// The argument after the one at hand; empty if there is none.
    fn value(&mut self) -> String {
        self.next();
        self.next().unwrap_or_default()
    }

    fn parameter(&mut self, name: &str) -> Result<String> {
        match self.value() {
            empty if empty.is_empty() => {
                Err(Error::Plain(format!("Argument {name} is missing a required parameter.")))
            }
            value => Ok(value),
        }
    }

    /// Everything after the word at hand, as wsl.exe's own parser takes it: options anywhere, then positions.
    fn options(&mut self, known: &[(&'static str, bool)]) -> Result<Options> {
        self.next();
        let mut options = Options { positional: Vec::new(), named: Vec::new() };
        while let Some(argument) = self.next() {
            match known.iter().find(|(name, _)| *name == argument) {
                Some((name, false)) => options.named.push((name, String::new())),
                Some((name, true)) => {
                    let value = self.next().ok_or_else(|| {
                        Error::wsl(
                            "Wsl/E_INVALIDARG",
                            format!(
                                "Command line argument {name} requires a value.\n\
                                 Please use 'wsl.exe --help' to get a list of supported arguments."
                            ),
                        )
                    })?;
                    options.named.push((name, value));
                }
                None if argument.len() > 1 && argument.starts_with('-') => {
                    return Err(Error::wsl("Wsl/E_INVALIDARG", unknown(&argument).to_string()));
                }
                None => options.positional.push(argument),
            }
        }
        Ok(options)
    }
}

fn unknown(argument: &str) -> Error {
    Error::Plain(format!(
        "Invalid command line argument: {argument}\n\
         Please use 'wsl.exe --help' to get a list of supported arguments."
    ))
}

fn usage() -> Error {
    Error::Plain(USAGE.into())
}

/// `--help`
pub const USAGE: &str = "\
wsl-sim starts a WSL distribution on Linux, with the command line of wsl.exe.

Usage: wsl-sim [Options...] [CommandLine]
  ~ | --cd DIR                 working directory
  -d, --distribution NAME      distribution (else the default one)
  -u, --user USER              user (else the default one)
  --shell-type TYPE            standard, login or none
  -e, --exec                   run the command line without a shell
  --                           the rest is the command line

Managing distributions:
  --import NAME DIR FILE [--version 2]
  --install --from-file FILE [--name NAME] [--location DIR] [--no-launch]
  --export NAME FILE [--format tar|tar.gz|tar.xz]
  --manage NAME --set-default-user USER
  -l, --list [--all | --running] [-q | -v]
  -s, --set-default NAME       -t, --terminate NAME
  --unregister NAME            --shutdown
  --status, --version, --help

The environment sets what Windows would:
  WSL_SIM_HOME                 registry (else $XDG_STATE_HOME/wsl-sim or ~/.local/state/wsl-sim)
  WSL_SIM_INIT                 static program for /init (else wsl-sim itself, if it is static)
  WSL_SIM_WSLG                 present (the default), headless or absent
  WSL_SIM_DRIVES               letters of the Windows drives (default: c)
  WSL_SIM_HOSTNAME, WSL_SIM_TIMEZONE, WSL_SIM_WINDOWS_PATH
  WSL_SIM_SAFE_MODE            1: .wslconfig's safe mode
  WSL_SIM_STORE_HASH           full: read all of /nix/store before and after a start";

fn directory(value: String) -> Result<String> {
    // wsl.exe also takes Windows paths; there are none here.
    if value.starts_with(['/', '~']) { Ok(value) } else { Err(Error::invalid_argument()) }
}

fn version(options: &Options) -> Result<()> {
    match options.get(&["--version"]).as_deref() {
        None | Some("2") => Ok(()),
        Some("1") => Err(Error::Missing("only WSL 2 is simulated".into())),
        Some(_) => Err(Error::invalid_argument()),
    }
}

fn no_vhd(vhd: bool) -> Result<()> {
    if vhd {
        Err(Error::Missing("virtual disks are not simulated: use a tar archive".into()))
    } else {
        Ok(())
    }
}

fn import(mut rest: Arguments<'_>) -> Result<Command> {
    let options = rest.options(&[("--version", true), ("--vhd", false)])?;
    version(&options)?;
    no_vhd(options.get(&["--vhd"]).is_some())?;
    let Ok([name, directory, file]) = <[String; 3]>::try_from(options.positional) else {
        return Err(Error::invalid_argument());
    };
    if [".vhd", ".vhdx"].iter().any(|end| file.to_ascii_lowercase().ends_with(end)) {
        return Err(Error::Plain(
            "This looks like a VHD file. Use --vhd to import a VHD instead of a tar.".into(),
        ));
    }
    Ok(Command::Import { name, directory: directory.into(), file: file.into() })
}

fn install(mut rest: Arguments<'_>) -> Result<Command> {
    let options = rest.options(&[
        ("--from-file", true),
        ("-f", true),
        ("--name", true),
        ("--location", true),
        ("-l", true),
        ("--no-launch", false),
        ("-n", false),
        ("--version", true),
        ("--vhd-size", true),
        ("--fixed-vhd", false),
    ])?;
    version(&options)?;
    let Some(file) = options.get(&["--from-file", "-f"]) else {
        return Err(Error::Missing("no online distributions here: use --from-file FILE".into()));
    };
    if !options.positional.is_empty() {
        return Err(Error::wsl(
            "Wsl/E_INVALIDARG",
            "Arguments --from-file and --distribution can't be specified at same time.",
        ));
    }
    Ok(Command::Install {
        file: file.into(),
        name: options.get(&["--name"]),
        location: options.get(&["--location", "-l"]).map(PathBuf::from),
        launch: options.get(&["--no-launch", "-n"]).is_none(),
    })
}

fn export(mut rest: Arguments<'_>) -> Result<Command> {
    let options = rest.options(&[("--format", true), ("--vhd", false)])?;
    let format = match options.get(&["--format"]).as_deref() {
        None | Some("tar") => Format::Tar,
        Some("tar.gz") => Format::Gzip,
        Some("tar.xz") => Format::Xz,
        Some("vhd") => return no_vhd(true).and(Err(usage())),
        Some(_) => return Err(Error::invalid_argument()),
    };
    no_vhd(options.get(&["--vhd"]).is_some())?;
    let Ok([name, file]) = <[String; 2]>::try_from(options.positional) else {
        return Err(usage());
    };
    Ok(Command::Export { name, file: file.into(), format })
}

fn list(mut rest: Arguments<'_>) -> Result<Command> {
    let options = rest.options(&[
        ("--all", false),
        ("--running", false),
        ("--quiet", false),
        ("-q", false),
        ("--verbose", false),
        ("-v", false),
    ])?;
    let has = |names: &[&str]| options.get(names).is_some();
    let list = List {
        all: has(&["--all"]),
        running: has(&["--running"]),
        quiet: has(&["--quiet", "-q"]),
        verbose: has(&["--verbose", "-v"]),
    };
    if (list.quiet && list.verbose) || (list.all && list.running) || !options.positional.is_empty() {
        return Err(usage());
    }
    Ok(Command::List(list))
}

fn manage(mut rest: Arguments<'_>) -> Result<Command> {
    let options = rest.options(&[("--set-default-user", true)])?;
    let user = options.get(&["--set-default-user"]).ok_or_else(usage)?;
    let Ok([name]) = <[String; 1]>::try_from(options.positional) else {
        return Err(usage());
    };
    Ok(Command::SetDefaultUser { name, user })
}
