//! Waiting for descriptors until a point in time.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until something is the case of one of the descriptors; how many of them, none at the deadline. Signals do not end it.
///
/// # Errors
/// The system's.
pub fn until(polled: &mut [PollFd<'_>], deadline: Instant) -> io::Result<usize> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(polled, Some(&timeout)) {
            Ok(ready) => return Ok(ready),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until one descriptor can be read, or the process of a pidfd has ended; `false` if that takes longer.
///
/// # Errors
/// The system's.
pub fn readable(descriptor: impl AsFd, patience: Duration) -> io::Result<bool> {
    let polled = &mut [PollFd::new(&descriptor, PollFlags::IN)];
    until(polled, Instant::now() + patience).map(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_descriptor_is_readable_or_not_in_time() {
        let (reader, mut writer) = io::pipe().unwrap();
        assert!(!readable(&reader, Duration::ZERO).unwrap());
        assert!(!readable(&reader, Duration::from_millis(1)).unwrap());
        writer.write_all(b"x").unwrap();
        assert!(readable(&reader, Duration::ZERO).unwrap());
        assert!(readable(&reader, Duration::from_secs(60)).unwrap());
    }

    #[test]
    fn which_of_several_is_seen() {
        let (quiet, _open) = io::pipe().unwrap();
        let (ended, writer) = io::pipe().unwrap();
        drop(writer);
        let mut polled = [PollFd::new(&quiet, PollFlags::IN), PollFd::new(&ended, PollFlags::IN)];
        assert_eq!(until(&mut polled, Instant::now() + Duration::from_secs(60)).unwrap(), 1);
        assert_eq!(polled.map(|one| one.revents().is_empty()), [true, false]);
    }
}
