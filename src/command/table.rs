//! Text in aligned columns.

use std::io::IsTerminal;

/// A row, and whether it stands out.
#[derive(Debug, Default)]
pub struct Row {
    /// The cells, from left to right.
    pub cells: Vec<String>,
    /// The colour of the row on a terminal, if it has one.
    pub colour: Option<Colour>,
}

/// What a coloured row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Good: green.
    Good,
    /// Bad: red.
    Bad,
}

/// Whether standard output is to be coloured: a terminal, and no `NO_COLOR`.
#[must_use]
pub fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Lays the rows out below their headings. The last column is as long as its text.
#[must_use]
pub fn render(headings: &[&str], rows: &[Row], coloured: bool) -> String {
    let heading = Row { cells: headings.iter().map(ToString::to_string).collect(), colour: None };
    let all: Vec<&Row> = std::iter::once(&heading).chain(rows).collect();
    let width = |column: usize| {
        all.iter().filter_map(|row| row.cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in all {
        let line: Vec<String> =
            row.cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let line = line.join("  ");
        let line = line.trim_end();
        match row.colour.filter(|_| coloured) {
            Some(Colour::Good) => text.extend(["\x1b[32m", line, "\x1b[0m\n"]),
            Some(Colour::Bad) => text.extend(["\x1b[31m", line, "\x1b[0m\n"]),
            None => text.extend([line, "\n"]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2], colour: Option<Colour>) -> Row {
        Row { cells: cells.map(str::to_owned).to_vec(), colour }
    }

    #[test]
    fn columns_align_without_trailing_blanks() {
        let rows = [row(["1", "größer"], None), row(["100", ""], Some(Colour::Bad))];
        assert_eq!(render(&["N", "WHAT"], &rows, false), "N    WHAT\n1    größer\n100\n");
        assert!(render(&["N", "WHAT"], &rows, true).ends_with("\x1b[31m100\x1b[0m\n"));
    }
}
