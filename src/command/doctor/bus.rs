//! The system bus: whether it takes a client.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The socket (D-Bus specification, "Well-known Message Bus Instances").
pub const SOCKET: &str = "/run/dbus/system_bus_socket";

/// Greets the bus as this user (D-Bus specification, "Authentication Protocol").
///
/// # Errors
/// Why it takes nobody.
pub fn authenticate(socket: &Path, limit: Duration) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut user = String::new();
    for byte in rustix::process::geteuid().as_raw().to_string().bytes() {
        // A string takes every write.
        let _ = write!(user, "{byte:02x}");
    }
    stream.write_all(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes())?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => std::io::Error::other("no answer"),
        _ => error,
    })?;
    if &answer == b"OK" { Ok(()) } else { Err(std::io::Error::other("it refuses this user")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What comes of a bus that answers so; a bus that answers nothing keeps the client.
    fn greeted(answer: &'static [u8]) -> std::io::Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bus");
        let listener = UnixListener::bind(&socket).unwrap();
        let bus = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = [0; 64];
            let length = stream.read(&mut line).unwrap();
            assert!(line[..length].starts_with(b"\0AUTH EXTERNAL 3"), "{line:?}");
            stream.write_all(answer).unwrap();
            // Until the client goes away.
            let _ = stream.read(&mut line);
        });
        let result = authenticate(&socket, Duration::from_secs(1));
        bus.join().unwrap();
        result
    }

    #[test]
    fn a_bus_that_takes_no_client_is_down() {
        greeted(b"OK 0123456789abcdef\r\n").unwrap();
        assert_eq!(greeted(b"REJECTED EXTERNAL\r\n").unwrap_err().to_string(), "it refuses this user");
        assert_eq!(greeted(b"").unwrap_err().to_string(), "no answer");
        assert!(authenticate(Path::new("/nonexistent"), Duration::from_secs(1)).is_err());
    }
}
