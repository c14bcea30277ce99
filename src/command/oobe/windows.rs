//! What Windows knows of its user: asked by `cmd.exe`, which WSL starts as any other program.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::features::as_user::Bounded;

/// A Windows that is busy takes seconds to start a program; a person waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(15);
const LONGEST_ANSWER: u64 = 1 << 16;
/// With `!` and not `%`, what stands in a variable is not read as part of the command.
const QUESTION: &str = "echo !USERNAME!&echo !USERPROFILE!";

/// The user of Windows.
#[derive(Debug, PartialEq, Eq)]
pub struct Windows {
    /// Name of the account.
    pub user: String,
    /// The profile's folder in the distribution, if its drive is mounted.
    pub profile: Option<PathBuf>,
}

impl Windows {
    /// Asks a Windows whose drives are mounted below `drives`. `None` where it does not answer: interop is off, say.
    #[must_use]
    pub fn find(drives: &Path) -> Option<Self> {
        let drive = ('a'..='z').map(|letter| drives.join(letter.to_string()));
        let (drive, program) = drive
            .map(|drive| (drive.clone(), drive.join("Windows/System32/cmd.exe")))
            .find(|(_, program)| program.is_file())?;
        // In a folder of Windows: cmd.exe says a sentence about any other.
        let mut command = Command::new(program);
        command.current_dir(drive).args(["/U", "/D", "/V:ON", "/C", QUESTION]);
        let (user, profile) = parse(&output(command).ok()?)?;
        Some(Self { user, profile: linux_path(&profile) })
    }
}

/// What a program prints, if it does so in time.
fn output(mut command: Command) -> io::Result<Vec<u8>> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn()?;
    // With it goes this process's end for writing.
    drop(command);
    let mut bytes = Vec::new();
    let read = Bounded::new(reader, PATIENCE).take(LONGEST_ANSWER).read_to_end(&mut bytes);
    if read.is_err() {
        child.kill()?;
    }
    child.wait()?;
    read.map(|_| bytes)
}

/// The two lines of the answer.
fn parse(bytes: &[u8]) -> Option<(String, String)> {
    let text = decode(bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let user = lines.next().filter(|line| !line.contains('!'))?;
    let profile = lines.next().filter(|line| !line.contains('!')).unwrap_or_default();
    Some((user.to_owned(), profile.to_owned()))
}

/// UTF-16, as `/U` asks for; anything else is taken for UTF-8.
fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// By WSL's own program, which knows where each drive is mounted.
fn linux_path(path: &str) -> Option<PathBuf> {
    let mut command = Command::new("/bin/wslpath");
    command.args(["-u", path]);
    let text = String::from_utf8(output(command).ok()?).ok()?;
    let path = PathBuf::from(text.trim_end_matches('\n'));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_utf_16() {
        let text = "Zoë Müller\r\nC:\\Users\\Zoë Müller\r\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let expected = Some(("Zoë Müller".to_owned(), "C:\\Users\\Zoë Müller".to_owned()));
        assert_eq!(parse(&bytes), expected);
        assert_eq!(parse(text.as_bytes()), expected);
        assert_eq!(parse(b"!USERNAME!\r\n!USERPROFILE!\r\n"), None, "no such variable");
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo answer"]);
        assert_eq!(output(command).unwrap(), b"answer\n");
    }
}
