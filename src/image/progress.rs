//! How far the archive is: a bar with rate and time left on a terminal, a few plain lines otherwise.

use std::cell::Cell;
use std::io::IsTerminal;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar is moved once for this many bytes; small files would spend more time on the clock than on reading.
const STEP: u64 = 1 << 20;

/// Progress in bytes of content.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    total: u64,
    done: Cell<u64>,
    next: Cell<u64>,
}

impl Progress {
    /// Progress towards about `total` bytes, shown on stderr.
    #[must_use]
    pub fn new(total: u64) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let bar = if plain {
            ProgressBar::hidden()
        } else {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        };
        let style = "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            plain,
            total,
            done: Cell::new(0),
            next: Cell::new(if plain { total.div_ceil(10) } else { STEP }),
        }
    }

    /// Progress that nobody sees.
    #[must_use]
    pub fn hidden() -> Self {
        let next = Cell::new(u64::MAX);
        Self { bar: ProgressBar::hidden(), plain: true, total: 0, done: Cell::new(0), next }
    }

    /// Counts `bytes` more.
    pub fn add(&self, bytes: u64) {
        let done = self.done.get().saturating_add(bytes);
        self.done.set(done);
        if done < self.next.get() {
            return;
        }
        if self.plain {
            let tenths = done.saturating_mul(10).checked_div(self.total).unwrap_or(10).min(10);
            eprintln!("{:>3} %  {} of {}", 10 * tenths, HumanBytes(done), HumanBytes(self.total.max(done)));
            // The total is what Nix says of the store paths; other files may come on top.
            self.next.set(if tenths == 10 {
                u64::MAX
            } else {
                self.total.saturating_mul(tenths + 1).div_ceil(10)
            });
        } else {
            self.bar.set_position(done);
            self.next.set(done.saturating_add(STEP));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_come_at_every_tenth_and_no_more() {
        for total in [0, 1, 7, 1000, 1 << 40] {
            let progress = Progress { plain: true, ..Progress::new(total) };
            progress.next.set(total.div_ceil(10));
            let mut lines = 0;
            for _ in 0..200 {
                let before = progress.next.get();
                progress.add(total.div_ceil(100).max(1));
                lines += u32::from(progress.next.get() != before);
            }
            assert!(lines <= 10, "{lines} lines for {total} bytes");
            assert_eq!(progress.next.get(), u64::MAX);
        }
    }
}
