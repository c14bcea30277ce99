//! Messages to a user, of which none is worth more than what comes after it.
//!
//! `eprintln!` ends a program whose message nobody takes: a closed pipe, a full disk. And a terminal can be stopped (`^S`, a suspended `wsl.exe`), and a pipe can be full: whoever writes to one then waits for its
//! user. A program that holds what others wait for must not, so its messages are lost instead.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustix::stdio::stderr;

use super::wait;

/// Prints a line on standard error as `eprintln!` does, by the stream as it is; where that takes nothing, the line is lost.
pub fn print_error(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line on standard error, as far as there is room for it at once.
pub fn report(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// As [`report`], if standard error is a terminal.
pub fn report_on_terminal(text: &str) {
    if std::io::stderr().is_terminal() {
        report(text);
    }
}

/// Writes to standard error what it takes at once.
///
/// The stream is opened anew: `O_NONBLOCK` belongs to the open file that all programs on a terminal share, and they would
/// find their reads and writes failing.
pub fn write(bytes: &[u8]) {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::APPEND | OFlags::CLOEXEC;
    match openat(CWD, "/proc/self/fd/2", flags, Mode::empty()) {
        Ok(stream) => drop(rustix::io::write(stream, bytes)),
        // Neither a socket nor another user's pipe can be opened anew.
        Err(_) => {
            if send(stderr(), bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) == Err(Errno::NOTSOCK) {
                write_if_ready(bytes);
            }
        }
    }
}

/// Writes if there is room: a pipe that is ready takes 4096 bytes (pipe(7), `PIPE_BUF`), and a stopped terminal never is.
fn write_if_ready(bytes: &[u8]) {
    let mut streams = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
    if wait::until(&mut streams, Instant::now()).is_ok() && streams[0].revents().contains(PollFlags::OUT) {
        let _ = rustix::io::write(stderr(), &bytes[..bytes.len().min(4096)]);
    }
}
