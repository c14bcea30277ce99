//! Which of its names `nixos-wsl-shell` was started under.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The folder of the users' shells.
pub const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

/// What the program is this time.
#[derive(Debug, PartialEq, Eq)]
pub enum Role {
    /// A user's login shell; `real` is the shell to run, if it is known.
    LoginShell {
        /// The target of the link `real` next to the program.
        real: Option<PathBuf>,
    },
    /// `/bin/sh`.
    SystemShell,
    /// Another program of that name.
    Program(OsString),
}

/// The program's own file and what follows from it.
#[derive(Debug)]
pub struct Invocation {
    /// The file this process was started from.
    pub file: PathBuf,
    /// What it is.
    pub role: Role,
}

impl Invocation {
    /// Looks at the kernel's word for the file alone: `argv[0]` is whatever the caller wrote there.
    #[must_use]
    pub fn discover() -> Self {
        let file = own_file();
        let role = role(&file);
        Self { file, role }
    }
}

/// `/proc/self/exe`, or what was given to `execve` where `/proc` is not mounted yet. The latter comes second because it
/// is the script's name when the program is run by a `#!` line.
fn own_file() -> PathBuf {
    if let Ok(file) = std::fs::read_link("/proc/self/exe") {
        // A program replaced since it was started.
        return match file.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
            Some(name) => PathBuf::from(OsString::from_vec(name.to_vec())),
            None => file,
        };
    }
    PathBuf::from(OsStr::from_bytes(rustix::param::linux_execfn().to_bytes()))
}

fn role(file: &Path) -> Role {
    if file.starts_with(SHELLS) {
        let real = file.parent().and_then(|folder| std::fs::read_link(folder.join("real")).ok());
        return Role::LoginShell { real };
    }
    match file.file_name() {
        Some(name) if name == "sh" => Role::SystemShell,
        Some(name) if name != "nixos-wsl-shell" => Role::Program(name.to_owned()),
        _ => Role::LoginShell { real: None },
    }
}
