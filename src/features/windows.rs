//! Windows' own programs, which WSL starts as any other: found on the system drive, and asked in bounded time.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::as_user::Bounded;

/// Where PowerShell 5 is on every Windows.
const POWERSHELL: &str = "Windows/System32/WindowsPowerShell/v1.0/powershell.exe";

/// How long a program may take, and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until its output has ended.
    pub patience: Duration,
    /// In bytes.
    pub length: u64,
}

/// The program at `path` on the first drive below `drives` that has it, to be started in a folder of Windows: some
/// programs say a sentence about any other.
#[must_use]
pub fn program(drives: &Path, path: &str) -> Option<(PathBuf, Command)> {
    let drive = ('a'..='z').map(|letter| drives.join(letter.to_string()));
    let drive = drive.into_iter().find(|drive| drive.join(path).is_file())?;
    let mut command = Command::new(drive.join(path));
    command.current_dir(&drive);
    Some((drive, command))
}

/// What a program prints, if it does so in time.
///
/// # Errors
/// It cannot be started, or is not done in time.
pub fn output(mut command: Command, limits: Limits) -> io::Result<Vec<u8>> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn()?;
    // With it goes this process's end for writing.
    drop(command);
    let mut bytes = Vec::new();
    let read = Bounded::new(reader, limits.patience).take(limits.length).read_to_end(&mut bytes);
    if read.is_err() {
        child.kill()?;
    }
    child.wait()?;
    read.map(|_| bytes)
}

/// What PowerShell prints when it runs `script`, which must have no double quotes: they are Windows' own on a command line.
///
/// # Errors
/// There is no PowerShell below `drives`, it cannot be started, or is not done in time.
pub fn powershell(drives: &Path, script: &str, limits: Limits) -> io::Result<String> {
    let (_, mut command) = program(drives, POWERSHELL).ok_or_else(|| {
        let text = format!("{}/*/{POWERSHELL} is not there: the drives are not mounted", drives.display());
        io::Error::new(io::ErrorKind::NotFound, text)
    })?;
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script]);
    let name = command.get_program().to_owned();
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", name.display()));
    output(command, limits).map(|bytes| decode(&bytes)).map_err(failed)
}

/// UTF-16, where Windows' programs were asked for it; anything else is taken for UTF-8.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { patience: Duration::from_secs(15), length: 1 << 16 };

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for() {
        let sh = |line: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            command
        };
        assert_eq!(output(sh("echo answer"), LIMITS).unwrap(), b"answer\n");
        let short = Limits { patience: Duration::from_millis(100), ..LIMITS };
        assert_eq!(output(sh("exec sleep 1000"), short).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn no_drive_has_no_powershell() {
        let error = powershell(Path::new("/nonexistent"), "1", LIMITS).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/*/Windows/"), "{error}");
    }
}
