//! `--list` (W§1.1).

use std::io::{self, Write};

use crate::sim::wire::registration::{DistributionState, Registration};

/// `--list`'s options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // four switches of a command line
pub struct ListOptions {
    /// Also those being installed or removed.
    pub all: bool,
    /// Only those that run.
    pub running: bool,
    /// Only the names.
    pub quiet: bool,
    /// With state and version.
    pub verbose: bool,
}

/// Prints WSL's list.
///
/// # Errors
///
/// Standard output is closed.
pub fn print_list(
    registrations: &[(Registration, bool)],
    default: Option<&str>,
    list: ListOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_default = |entry: &Registration| default == Some(entry.distribution_name.as_str());
    let state = |entry: &(Registration, bool)| match entry.0.state {
        DistributionState::Installing(_) => "Installing",
        DistributionState::Uninstalling(_) => "Uninstalling",
        DistributionState::Exporting(_) => "Exporting",
        DistributionState::Installed if entry.1 => "Running",
        DistributionState::Installed => "Stopped",
    };
    let mut entries: Vec<_> = registrations.iter().collect();
    entries.sort_by_key(|entry| !is_default(&entry.0));
    if list.verbose {
        let width = entries.iter().map(|entry| entry.0.distribution_name.len()).max().unwrap_or(0).max(4) + 4;
        writeln!(out, "  {:width$}{:16}VERSION", "NAME", "STATE")?;
        for entry in entries {
            let mark = if is_default(&entry.0) { '*' } else { ' ' };
            writeln!(out, "{mark} {:width$}{:16}2", entry.0.distribution_name, state(entry))?;
        }
        return Ok(());
    }
    entries.retain(|entry| {
        (list.all || entry.0.state == DistributionState::Installed)
            && (!list.running || state(entry) == "Running")
    });
    if !list.quiet {
        writeln!(out, "Windows Subsystem for Linux Distributions:")?;
    }
    for entry in entries {
        let name = &entry.0.distribution_name;
        if !list.quiet && is_default(&entry.0) {
            writeln!(out, "{name} (Default)")?;
        } else {
            writeln!(out, "{name}")?;
        }
    }
    Ok(())
}
