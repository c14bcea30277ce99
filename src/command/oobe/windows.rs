//! What Windows knows of its user: asked by `cmd.exe`, which WSL starts as any other program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::features::windows::{Limits, decode, output, program};

/// A Windows that is busy takes seconds to start a program; a person waits no longer than this.
const LIMITS: Limits = Limits { patience: Duration::from_secs(15), length: 1 << 16 };
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
        let (_, mut command) = program(drives, "Windows/System32/cmd.exe")?;
        command.args(["/U", "/D", "/V:ON", "/C", QUESTION]);
        let (user, profile) = parse(&output(command, LIMITS).ok()?)?;
        Some(Self { user, profile: linux_path(&profile) })
    }
}

/// The two lines of the answer.
fn parse(bytes: &[u8]) -> Option<(String, String)> {
    let text = decode(bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let user = lines.next().filter(|line| !line.contains('!'))?;
    let profile = lines.next().filter(|line| !line.contains('!')).unwrap_or_default();
    Some((user.to_owned(), profile.to_owned()))
}

/// By WSL's own program, which knows where each drive is mounted.
fn linux_path(path: &str) -> Option<PathBuf> {
    let mut command = Command::new("/bin/wslpath");
    command.args(["-u", path]);
    let text = String::from_utf8(output(command, LIMITS).ok()?).ok()?;
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
}
