//! A user made at run time by the system's own `useradd`, and what its programs are told and answer.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::session::programs;
use crate::system::accounts;
use crate::system::activation::CURRENT;
use crate::system::root::Root;
use crate::system::settings::Settings;

/// As long as Linux allows.
const LONGEST_NAME: usize = 32;

/// Why nothing was done, with Debian's exit code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// A sentence, or several lines.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

/// The result of what can be refused.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// A refusal with exit code 1.
///
/// # Errors
/// Always.
pub fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Refusal { text: text.into(), code: 1 })
}

/// A user to make. The shell is a wrapper that is there: the user's own comes with a configuration that declares it.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// Login name, of the form that [`check_name`] takes.
    pub name: &'a str,
    /// The comment of passwd(5).
    pub comment: &'a OsStr,
    /// User id; the first free one if absent.
    pub uid: Option<u32>,
    /// Whose shell the user gets; root's if there is no such user.
    pub like: Option<&'a str>,
}

impl NewUser<'_> {
    /// Makes the user with a home directory and the group `users`, without a password.
    ///
    /// # Errors
    /// What `useradd` has against it; it says the reason itself.
    pub fn make(&self, root: &Root) -> Result<()> {
        let like = accounts::entry_named(root, self.like.unwrap_or("root"));
        let like = like.or_else(|_| accounts::entry(root, 0));
        let shell = like.map_or_else(|_| PathBuf::from("/bin/sh"), |entry| entry.shell);
        let uid = self.uid.map(|uid| format!("--uid={uid}"));
        let mut arguments: Vec<&OsStr> =
            ["--create-home", "--no-user-group", "--gid=users", "--key=HOME_MODE=0700"]
                .map(OsStr::new)
                .into();
        arguments.extend(uid.as_ref().map(OsStr::new));
        arguments.extend(["--comment".as_ref(), self.comment, "--shell".as_ref(), shell.as_os_str()]);
        arguments.push(self.name.as_ref());
        run_program(&find_program("useradd")?, &arguments)
    }
}

/// What Debian takes as a name.
///
/// # Errors
/// A sentence that says what a name is made of.
pub fn check_name(name: &str) -> Result<()> {
    let first = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if first && rest && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    refuse(format!(
        "`{name}' cannot be a user's name: small letters, digits, - and _, {LONGEST_NAME} at most, a letter first"
    ))
}

/// The running system's settings.
#[must_use]
pub fn settings(root: &Root) -> Settings {
    Settings::load(root, Path::new(CURRENT)).unwrap_or_default()
}

/// A program of the newest system that has it.
///
/// # Errors
/// No system has it.
pub fn find_program(program: &str) -> Result<PathBuf> {
    let found = programs::candidates(program).find(|path| path.exists());
    found.map_or_else(|| refuse(format!("this system has no {program}")), Ok)
}

/// Runs a program whose standard output is nobody's, because a launcher reads this one's.
///
/// # Errors
/// It cannot be started, or its exit code.
pub fn run_program(program: &Path, arguments: &[&OsStr]) -> Result<()> {
    let output = std::io::stderr();
    let output = rustix::io::fcntl_dupfd_cloexec(&output, 3).map_or_else(|_| Stdio::null(), Stdio::from);
    let status = Command::new(program).args(arguments).stdout(output).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            Err(Refusal { text: format!("{}: {status}", program.display()), code })
        }
        Err(error) => refuse(format!("{}: {error}", program.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_debians() {
        for name in ["alice", "_apt", "a-1_b"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Alice", "1a", "-a", "a b", "a:b", "älice", "a".repeat(33).as_str()] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
