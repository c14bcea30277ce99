//! What is under way, in one line on the user's terminal that goes when it is done. Into a pipe or a file nothing is written.

use std::io::IsTerminal;

use super::error::one_line;
use super::message;

/// The line on standard error.
#[derive(Debug)]
pub struct Step {
    terminal: bool,
    /// What stands there.
    shown: String,
}

impl Default for Step {
    fn default() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: String::new() }
    }
}

impl Step {
    /// Whether anybody sees it.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.terminal
    }

    /// How many columns a text may have. The last one stays free: some terminals wrap as soon as it is written.
    #[must_use]
    pub fn columns() -> usize {
        let columns =
            rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        // A terminal that knows no width is taken for a usual one.
        if columns == 0 { 79 } else { columns - 1 }
    }

    /// Shows a text in the place of the one before, as much of it as the terminal is wide.
    pub fn show(&mut self, text: &str) {
        if !self.terminal || self.shown == text {
            return;
        }
        let line: String = one_line(text).chars().take(Self::columns()).collect();
        message::write(format!("\r\x1b[K{line}").as_bytes());
        text.clone_into(&mut self.shown);
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if !self.shown.is_empty() {
            message::write(b"\r\x1b[K");
            self.shown.clear();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.clear();
    }
}
