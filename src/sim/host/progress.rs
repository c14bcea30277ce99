//! How far an import or an export is: a bar on a terminal, and nothing into a pipe.

use std::fs::File;
use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the size of a growing file is looked at.
const TURN: Duration = Duration::from_millis(100);

/// A bar towards so many bytes; without a number one that only counts.
pub fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}",
        None => "{spinner} {binary_bytes}  {binary_bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Waits for a program that writes into `file`, and shows how long that has become.
///
/// # Errors
/// Those of waiting.
pub fn watch(child: &mut Child, file: Option<&File>) -> io::Result<ExitStatus> {
    let bar = bar(None);
    let Some(file) = file.filter(|_| !bar.is_hidden()) else { return child.wait() };
    loop {
        if let Some(status) = child.try_wait()? {
            bar.finish_and_clear();
            return Ok(status);
        }
        // The bar is for the eye: without a length the program goes on, and is waited for.
        if let Ok(metadata) = file.metadata() {
            bar.set_position(metadata.len());
        }
        std::thread::sleep(TURN);
    }
}
