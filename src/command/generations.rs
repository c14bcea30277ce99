//! `nixos-wsl generations`: the generations as a table.

use super::Outcome;
use super::output::write;
use super::table::{self, Colour, Row};
use crate::boot::listing::{self, GenerationLine};
use crate::system::generations::PROFILES;
use crate::system::root::Root;

/// Prints the generations of the distribution at `root`, the oldest first; warnings go to standard error.
///
/// # Errors
/// When standard output takes no more.
pub fn show(root: &Root) -> Outcome {
    let (lines, warnings) = listing::list(root);
    for warning in warnings {
        eprintln!("nixos-wsl: {warning}");
    }
    if lines.is_empty() {
        eprintln!("nixos-wsl: {} has no generation", root.path(PROFILES).display());
        return Ok(());
    }
    let rows: Vec<Row> = lines.iter().map(row).collect();
    let titles = ["N", "DATE (UTC)", "VERSION", "USE", "FAILURE"];
    write(table::render(&titles, &rows, table::coloured()).as_bytes())
}

fn row(line: &GenerationLine) -> Row {
    Row {
        cells: vec![
            line.generation.number.map(|number| number.to_string()).unwrap_or_default(),
            line.date.clone(),
            line.version.clone(),
            line.remarks(),
            line.failure.clone().unwrap_or_default(),
        ],
        colour: match line {
            _ if line.failure.is_some() => Some(Colour::Bad),
            _ if line.active => Some(Colour::Good),
            _ => None,
        },
    }
}
