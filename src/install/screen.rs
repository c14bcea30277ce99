//! What the user sees, on standard error: a bar on a terminal, a few lines elsewhere. Nothing here can fail.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use crate::system::message;
use crate::system::step::Step;

const NAME: &str = "nixos-wsl-install";
const MEGABYTE: u64 = 1_000_000;
/// A narrower terminal gets the percentage alone.
const BAR_FROM: usize = 49;

enum Kind {
    Terminal(Step),
    Lines,
    Kernel(Option<File>),
    Quiet,
}

/// Where progress goes.
pub struct Screen {
    kind: Kind,
    /// The next tenth to print a line for.
    tenth: u64,
    /// When and where the first progress was seen: the rate is that since then.
    start: Option<(Instant, u64)>,
}

impl Screen {
    /// Standard error.
    #[must_use]
    pub fn standard_error() -> Self {
        let step = Step::default();
        Self::new(if step.is_seen() { Kind::Terminal(step) } else { Kind::Lines })
    }

    /// The kernel's log: process 1 has no other.
    #[must_use]
    pub fn kernel() -> Self {
        Self::new(Kind::Kernel(File::options().write(true).open("/dev/kmsg").ok()))
    }

    /// Nothing: for programs whose output is somebody's input.
    #[must_use]
    pub fn quiet() -> Self {
        Self::new(Kind::Quiet)
    }

    fn new(kind: Kind) -> Self {
        Self { kind, tenth: 0, start: None }
    }

    /// Prints a message, a line each of its lines.
    pub fn line(&mut self, text: &str) {
        self.clear();
        for line in text.lines() {
            let line = format!("{NAME}: {line}\n");
            match &mut self.kind {
                Kind::Kernel(Some(log)) => drop(log.write_all(line.as_bytes())),
                Kind::Terminal(_) | Kind::Lines | Kind::Kernel(None) => print(&line),
                Kind::Quiet => {}
            }
        }
    }

    /// Shows that `done` of `total` bytes are unpacked.
    pub fn progress(&mut self, done: u64, total: u64) {
        let done = done.min(total);
        let (began, from) = *self.start.get_or_insert_with(|| (Instant::now(), done));
        match &mut self.kind {
            Kind::Terminal(step) => {
                let seconds = began.elapsed().as_secs_f64();
                step.show(&bar(done, total, done - from.min(done), seconds, Step::columns()));
            }
            Kind::Lines => {
                let tenth = (10 * done).checked_div(total).unwrap_or(10);
                if tenth > self.tenth {
                    self.tenth = tenth;
                    print(&format!("{NAME}: {} % of {} MB\n", 10 * tenth, total / MEGABYTE));
                }
            }
            Kind::Kernel(_) | Kind::Quiet => {}
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Kind::Terminal(step) = &mut self.kind {
            step.clear();
        }
    }
}

/// The installation goes on, and with it whoever waits for its lock, although the terminal is stopped.
fn print(text: &str) {
    message::write(text.as_bytes());
}

/// The bar's text in so many columns; `since` bytes were done in the last `seconds`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "a display"
)]
fn bar(done: u64, total: u64, since: u64, seconds: f64, columns: usize) -> String {
    // Both come from files: another process's progress, the manifest.
    let (done, total) = (done.min(u64::MAX / 100), total.min(u64::MAX / 100));
    let percent = (100 * done).checked_div(total).unwrap_or(100).min(100);
    let rate = if seconds > 0.5 { since as f64 / seconds } else { 0.0 };
    let left = if rate > 0.0 {
        format!("{} s left", (total.saturating_sub(done) as f64 / rate).ceil() as u64)
    } else {
        String::new()
    };
    let mut text = format!("{percent:>3} %  {left}");
    if columns >= BAR_FROM {
        let cells = usize::try_from(20 * done / total.max(1)).unwrap_or(20).min(20);
        text = format!(
            "[{}{}] {percent:>3} %  {} of {} MB",
            "#".repeat(cells),
            "-".repeat(20 - cells),
            done / MEGABYTE,
            total / MEGABYTE
        );
        for more in [format!("  {:.0} MB/s", rate / MEGABYTE as f64), format!("  {left}")] {
            if rate > 0.0 && text.len() + more.len() <= columns {
                text.push_str(&more);
            }
        }
    }
    text.truncate(columns.max(6));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_every_terminal() {
        for columns in 6..200 {
            let text = bar(812_000_000, 1_395_000_000, 812_000_000, 8.0, columns);
            assert!(text.len() <= columns && text.contains("58 %"), "{columns}: {text}");
        }
        let text = bar(812_000_000, 1_395_000_000, 812_000_000, 8.0, 80);
        assert_eq!(text, "[###########---------]  58 %  812 of 1395 MB  102 MB/s  6 s left");
        assert_eq!(bar(812_000_000, 1_395_000_000, 812_000_000, 8.0, 20), " 58 %  6 s left");
    }

    #[test]
    fn survives_odd_numbers() {
        for (done, total) in
            [(0, 0), (0, 1), (1, 1), (2, 1), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)]
        {
            assert!(bar(done, total, 1, 1.0, 80).contains('%'));
        }
    }
}
