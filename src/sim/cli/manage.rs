//! The command lines that manage distributions.

use std::path::PathBuf;

use crate::sim::cli::arguments::{Options, Words};
use crate::sim::cli::command::{CommandLine, InstallSource};
use crate::sim::cli::usage::usage;
use crate::sim::host::export::ArchiveFormat;
use crate::sim::host::list::ListOptions;
use crate::sim::wire::error::{Error, Result};

fn version(options: &Options) -> Result<()> {
    match options.get(&["--version"]).as_deref() {
        None | Some("2") => Ok(()),
        Some("1") => Err(Error::Missing("only WSL 2 is simulated".into())),
        Some(_) => Err(Error::invalid_argument()),
    }
}

pub fn import(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[("--version", true), ("--vhd", false)])?;
    version(&options)?;
    let vhd = options.get(&["--vhd"]).is_some();
    let Ok([name, directory, file]) = <[String; 3]>::try_from(options.positional) else {
        return Err(Error::invalid_argument());
    };
    if vhd {
        return Ok(CommandLine::ImportVhd { name, directory: directory.into(), file: file.into() });
    }
    if [".vhd", ".vhdx"].iter().any(|end| file.to_ascii_lowercase().ends_with(end)) {
        return Err(Error::Plain(
            "This looks like a VHD file. Use --vhd to import a VHD instead of a tar.".into(),
        ));
    }
    Ok(CommandLine::Import { name, directory: directory.into(), file: file.into() })
}

pub fn import_in_place(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[])?;
    let Ok([name, file]) = <[String; 2]>::try_from(options.positional) else {
        return Err(Error::invalid_argument());
    };
    Ok(CommandLine::ImportInPlace { name, file: file.into() })
}

pub fn install(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[
        ("--from-file", true),
        ("-f", true),
        ("--distribution", true),
        ("-d", true),
        ("--web-download", false),
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
    let mut names = options.positional.iter().cloned().chain(options.get(&["--distribution", "-d"]));
    let name = names.next();
    let source = match options.get(&["--from-file", "-f"]) {
        Some(_) if name.is_some() => {
            return Err(Error::wsl(
                "Wsl/E_INVALIDARG",
                "Arguments --from-file and --distribution can't be specified at same time.",
            ));
        }
        Some(file) => InstallSource::File(file.into()),
        None if names.next().is_some() => return Err(usage()),
        None => InstallSource::Online(name),
    };
    Ok(CommandLine::Install {
        source,
        name: options.get(&["--name"]),
        location: options.get(&["--location", "-l"]).map(PathBuf::from),
        launch: options.get(&["--no-launch", "-n"]).is_none(),
    })
}

pub fn export(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[("--format", true), ("--vhd", false)])?;
    let vhd = options.get(&["--vhd"]).is_some();
    let format = match options.get(&["--format"]).as_deref() {
        None if vhd => ArchiveFormat::Vhd,
        None | Some("tar") => ArchiveFormat::Tar,
        Some("tar.gz") => ArchiveFormat::Gzip,
        Some("tar.xz") => ArchiveFormat::Xz,
        Some("vhd") => ArchiveFormat::Vhd,
        Some(_) => return Err(Error::invalid_argument()),
    };
    let Ok([name, file]) = <[String; 2]>::try_from(options.positional) else {
        return Err(usage());
    };
    Ok(CommandLine::Export { name, file: file.into(), format })
}

pub fn list(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[
        ("--all", false),
        ("--running", false),
        ("--quiet", false),
        ("-q", false),
        ("--verbose", false),
        ("-v", false),
    ])?;
    let has = |names: &[&str]| options.get(names).is_some();
    let list = ListOptions {
        all: has(&["--all"]),
        running: has(&["--running"]),
        quiet: has(&["--quiet", "-q"]),
        verbose: has(&["--verbose", "-v"]),
    };
    if (list.quiet && list.verbose) || (list.all && list.running) || !options.positional.is_empty() {
        return Err(usage());
    }
    Ok(CommandLine::List(list))
}

/// `--manage`: exactly one thing to do.
pub fn manage(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[
        ("--set-default-user", true),
        ("--move", true),
        ("-m", true),
        ("--resize", true),
        ("-r", true),
        ("--set-sparse", true),
        ("-s", true),
        ("--allow-unsafe", false),
    ])?;
    let Ok([name]) = <[String; 1]>::try_from(options.positional.clone()) else {
        return Err(usage());
    };
    let user = options.get(&["--set-default-user"]);
    let directory = options.get(&["--move", "-m"]);
    let size = options.get(&["--resize", "-r"]).map(|text| memory_size(&text)).transpose()?;
    let sparse = options.get(&["--set-sparse", "-s"]).map(|text| boolean(&text)).transpose()?;
    let allow_unsafe = options.get(&["--allow-unsafe"]).is_some();
    match (user, directory, size, sparse) {
        (Some(user), None, None, None) => Ok(CommandLine::SetDefaultUser { name, user }),
        (None, Some(directory), None, None) => Ok(CommandLine::Move { name, directory: directory.into() }),
        (None, None, Some(size), None) => Ok(CommandLine::Resize { name, size }),
        (None, None, None, Some(sparse)) => Ok(CommandLine::SetSparse { name, sparse, allow_unsafe }),
        _ => Err(usage()),
    }
}

fn boolean(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::wsl("Wsl/E_INVALIDARG", format!("{text} is not a valid boolean, <true|false>"))),
    }
}

/// `64GB`, `64G` or a number of bytes (`ParseMemorySize` in WSL's `stringshared.h`).
fn memory_size(text: &str) -> Result<u64> {
    let invalid = || Error::wsl("Wsl/E_INVALIDARG", format!("Invalid size: {text}"));
    let (number, unit) =
        text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let power = match unit {
        "" | "B" => 0,
        "K" | "KB" => 10,
        "M" | "MB" => 20,
        "G" | "GB" => 30,
        "T" | "TB" => 40,
        _ => return Err(invalid()),
    };
    let number: u64 = number.parse().map_err(|_| invalid())?;
    number.checked_mul(1 << power).ok_or_else(invalid)
}
