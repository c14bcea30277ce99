//! A terminal of the simulator's own.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pty::OpenptFlags;

/// Both sides of a new terminal: who shows it, and the program on it. It becomes nobody's controlling terminal by this.
///
/// # Errors
/// When the system gives no terminal.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::unlockpt(&master)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
    Ok((master, slave))
}
