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

fn no_vhd(vhd: bool) -> Result<()> {
    if vhd {
        Err(Error::Missing("virtual disks are not simulated: use a tar archive".into()))
    } else {
        Ok(())
    }
}

pub fn import(mut rest: Words<'_>) -> Result<CommandLine> {
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
    Ok(CommandLine::Import { name, directory: directory.into(), file: file.into() })
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
    let format = match options.get(&["--format"]).as_deref() {
        None | Some("tar") => ArchiveFormat::Tar,
        Some("tar.gz") => ArchiveFormat::Gzip,
        Some("tar.xz") => ArchiveFormat::Xz,
        Some("vhd") => return no_vhd(true).and(Err(usage())),
        Some(_) => return Err(Error::invalid_argument()),
    };
    no_vhd(options.get(&["--vhd"]).is_some())?;
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

pub fn manage(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[("--set-default-user", true)])?;
    let user = options.get(&["--set-default-user"]).ok_or_else(usage)?;
    let Ok([name]) = <[String; 1]>::try_from(options.positional) else {
        return Err(usage());
    };
    Ok(CommandLine::SetDefaultUser { name, user })
}
