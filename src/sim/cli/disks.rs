//! The command lines `--mount` and `--unmount`.

use crate::sim::cli::arguments::Words;
use crate::sim::cli::command::CommandLine;
use crate::sim::cli::usage::usage;
use crate::sim::host::disks::command::MountRequest;
use crate::sim::wire::error::{Error, Result};

pub fn mount(mut rest: Words<'_>) -> Result<CommandLine> {
    let options = rest.options(&[
        ("--vhd", false),
        ("--bare", false),
        ("--name", true),
        ("-n", true),
        ("--type", true),
        ("-t", true),
        ("--options", true),
        ("-o", true),
        ("--partition", true),
        ("-p", true),
    ])?;
    let Ok([disk]) = <[String; 1]>::try_from(options.positional.clone()) else { return Err(usage()) };
    let partition = options.get(&["--partition", "-p"]).map_or(Ok(0), |text| {
        text.parse().map_err(|_| Error::wsl("Wsl/E_INVALIDARG", format!("Invalid integer value: {text}")))
    })?;
    Ok(CommandLine::Mount(MountRequest {
        disk,
        vhd: options.get(&["--vhd"]).is_some(),
        bare: options.get(&["--bare"]).is_some(),
        partition,
        name: options.get(&["--name", "-n"]),
        kind: options.get(&["--type", "-t"]),
        options: options.get(&["--options", "-o"]),
    }))
}

pub fn unmount(mut rest: Words<'_>) -> Result<CommandLine> {
    let mut disks = rest.options(&[])?.positional.into_iter();
    match (disks.next(), disks.next()) {
        (disk, None) => Ok(CommandLine::Unmount(disk)),
        _ => Err(usage()),
    }
}
