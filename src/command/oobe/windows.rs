//! What Windows knows of its user: asked by `cmd.exe`, which WSL starts as any other program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::features::windows::Interop;
use crate::system::program::{Limits, ask};

/// A Windows that is busy takes seconds to start a program; a person waits no longer than this.
const LIMITS: Limits = Limits::short(Duration::from_secs(15));
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
        // There is no user yet with whose rights it could run.
        let mut command = Interop { drives, user: None }.program("Windows/System32/cmd.exe");
        command.args(["/U", "/D", "/V:ON", "/C", QUESTION]);
        let (user, profile) = parse(&ask(&mut command, LIMITS).ok()?.out)?;
        Some(Self { user, profile: linux_path(&profile) })
    }
}

/// The two lines of the answer.
fn parse(text: &str) -> Option<(String, String)> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let user = lines.next().filter(|line| !line.contains('!'))?;
    let profile = lines.next().filter(|line| !line.contains('!')).unwrap_or_default();
    Some((user.to_owned(), profile.to_owned()))
}

/// By WSL's own program, which knows where each drive is mounted.
fn linux_path(path: &str) -> Option<PathBuf> {
    let mut command = Command::new("/bin/wslpath");
    command.args(["-u", path]);
    let text = ask(&mut command, LIMITS).ok()?.out;
    // A name that is no UTF-8 is none of Windows'.
    let path = PathBuf::from(text.trim_end_matches('\n'));
    (path.is_absolute() && !text.contains('\u{fffd}')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_two_lines() {
        let expected = Some(("Zoë Müller".to_owned(), "C:\\Users\\Zoë Müller".to_owned()));
        assert_eq!(parse("Zoë Müller\r\nC:\\Users\\Zoë Müller\r\n"), expected);
        assert_eq!(parse("!USERNAME!\r\n!USERPROFILE!\r\n"), None, "no such variable");
        assert_eq!(parse(""), None);
    }
}
