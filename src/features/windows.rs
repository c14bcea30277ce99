//! Windows' own programs, which WSL starts as any other: found on its system drive, and asked in bounded time.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::namespace::privileges::UserIds;
use crate::system::program::{Limits, ask};

/// The drive that Windows itself is on, by WSL's name for it. A program is taken from no other: whoever brings a disk, or
/// mounts one there, is not Windows.
const SYSTEM_DRIVE: &str = "c";
/// Where PowerShell 5 is on every Windows.
const POWERSHELL: &str = "Windows/System32/WindowsPowerShell/v1.0/powershell.exe";

/// How Windows' programs are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interop<'a> {
    /// The folder of the drives: `automount.root`.
    pub drives: &'a Path,
    /// Whose rights they run with here; nothing for those of this process. Windows' user decides what they are, so they are
    /// not to have root's.
    pub user: Option<UserIds>,
}

impl Interop<'_> {
    /// The program at `path` on the system drive, to be started in a folder of Windows: some programs say a sentence about
    /// any other.
    #[must_use]
    pub fn program(&self, path: &str) -> Command {
        let drive = self.drives.join(SYSTEM_DRIVE);
        let mut command = Command::new(drive.join(path));
        command.current_dir(drive);
        if let Some(who) = self.user {
            // The supplementary groups go with root's rights, before anything is looked up.
            command.uid(who.uid.as_raw()).gid(who.gid.as_raw());
        }
        command
    }

    /// What PowerShell prints when it runs `script`, which must have no double quotes: they are Windows' own on a command
    /// line.
    ///
    /// # Errors
    /// There is no PowerShell, it cannot be started, is not done in time, or says too much.
    pub fn powershell(&self, script: &str, limits: Limits) -> Result<String, String> {
        let mut command = self.program(POWERSHELL);
        command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script]);
        ask(&mut command, limits).map(|answer| answer.out)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits::short(Duration::from_secs(60));

    #[test]
    fn the_system_drive_alone_has_windows_programs() {
        let drives = tempfile::tempdir().unwrap();
        let interop = Interop { drives: drives.path(), user: None };
        let put = |drive: &str| {
            let program = drives.path().join(drive).join(POWERSHELL);
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            fs::write(&program, format!("#!/bin/sh\necho {drive} $5\npwd\n")).unwrap();
            fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        };
        put("a");
        let error = interop.powershell("1", LIMITS).unwrap_err();
        assert!(error.contains("/c/Windows/") && error.contains("No such file"), "{error}");
        put("c");
        let folder = drives.path().join("c");
        assert_eq!(interop.powershell("1", LIMITS).unwrap(), format!("c 1\n{}\n", folder.display()));
    }
}
