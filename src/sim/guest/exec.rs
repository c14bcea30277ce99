//! On the way to another program: terminal, standard streams, C strings, the search for a file.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::simulator::execve;

/// Makes the calling session leader's controlling terminal of a slave side.
///
/// # Errors
///
/// The system's.
pub fn take_terminal(slave: impl AsFd) -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(rustix::process::ioctl_tiocsctty(slave)?)
}

/// Puts descriptors at 0, 1 and 2.
///
/// # Errors
///
/// The system's.
pub fn standard_streams(
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    error: BorrowedFd<'_>,
) -> io::Result<()> {
    rustix::stdio::dup2_stdin(input)?;
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(error)?;
    Ok(())
}

/// A C string; cut at a NUL byte, as C would.
#[must_use]
pub fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// `NAME=value` strings.
pub fn strings<N: AsRef<[u8]>, V: AsRef<[u8]>>(variables: &[(N, V)]) -> Vec<CString> {
    variables.iter().map(|(name, value)| c_string(&[name.as_ref(), b"=", value.as_ref()].concat())).collect()
}

/// `execvpe` as musl has it, in init's environment, where there is no PATH.
///
/// Returns only with the reason why nothing was executed.
#[must_use]
pub fn search(file: &[u8], arguments: &[CString], environment: &[CString]) -> io::Error {
    if file.is_empty() {
        return io::Error::from_raw_os_error(libc::ENOENT);
    }
    if file.contains(&b'/') {
        return execve(&c_string(file), arguments, environment);
    }
    let mut denied = false;
    for folder in ["/usr/local/bin", "/bin", "/usr/bin"] {
        let path = c_string(&[folder.as_bytes(), b"/", file].concat());
        let error = execve(&path, arguments, environment);
        match error.raw_os_error() {
            Some(libc::EACCES) => denied = true,
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            _ => return error,
        }
    }
    io::Error::from_raw_os_error(if denied { libc::EACCES } else { libc::ENOENT })
}
