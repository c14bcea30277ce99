//! Messages to a user that nobody waits for.
//!
//! A terminal can be stopped (`^S`, a suspended `wsl.exe`), and a pipe can be full: whoever writes to one then waits for its
//! user. A program that holds what others wait for must not, so its messages are lost instead.

use std::io::IsTerminal;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::net::{SendFlags, send};
use rustix::stdio::stderr;

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
        // A socket cannot be opened anew. Anything else is not written to.
        Err(_) => drop(send(stderr(), bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)),
    }
}
