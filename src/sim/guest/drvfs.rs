//! `mount -t drvfs`: `/init` as `/sbin/mount.drvfs`, and the options of the drives that WSL's init mounts.
//!
//! A drive is an empty tmpfs here, whose source is the drive's name. Which option goes where is WSL's rule (`drvfs.cpp`,
//! `ConvertDrvfsMountOptionsToPlan9`); what a 9p mount would ignore is left out.

use std::process::{Command, ExitCode};

use crate::sim::guest::release::Release;

/// A command line that is none.
const INVALID_USAGE: u8 = 1;
/// The mount failed.
const MOUNT_FAIL: u8 = 32;

/// Flags of mount(8), which 9p has in common with every file system; other words it does not know and does not mind.
const FLAGS: [&str; 25] = [
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "remount",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "lazytime",
    "nolazytime",
    "defaults",
];

/// The options of a drive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriveOptions {
    flags: Vec<String>,
    uid: u32,
    gid: u32,
    umask: u32,
    dmask: Option<u32>,
    /// What WSL remarks.
    pub warnings: Vec<String>,
}

impl DriveOptions {
    /// Reads options between commas; the last of a kind counts.
    ///
    /// # Errors
    ///
    /// The option that the Windows side refuses.
    pub fn parse(options: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let number = |radix| u32::from_str_radix(value, radix).map_err(|_| option.to_owned());
            match name {
                "uid" => parsed.uid = number(10)?,
                "gid" => parsed.gid = number(10)?,
                "umask" => parsed.umask = number(8)?,
                "dmask" => parsed.dmask = Some(number(8)?),
                "fmask" => drop(number(8)?),
                "case" if value == "force" => {
                    parsed.warnings.push("case=force not supported, using case=dir".into());
                }
                "case" if !matches!(value, "dir" | "off") => return Err(option.into()),
                "fallback" => parsed.warnings.push(format!("{option} not supported, ignoring...")),
                flag if FLAGS.contains(&flag) && value.is_empty() => parsed.flags.push(flag.into()),
                // metadata, symlinkroot and case are the Windows side's, and what 9p does not know it ignores.
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// As the tmpfs takes them.
    #[must_use]
    pub fn of_tmpfs(&self) -> String {
        let mode = 0o777 & !self.dmask.unwrap_or(self.umask);
        let mut options = self.flags.clone();
        options.push(format!("uid={},gid={},mode={mode:o}", self.uid, self.gid));
        options.join(",")
    }
}

/// A drive's name or a path on it, from `C:`, `c:\` or `C:/a`: its letter in lower case.
#[must_use]
pub fn letter(source: &str) -> Option<char> {
    let mut letters = source.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    let separated = letters.next() == Some(':') && matches!(letters.next(), None | Some('\\' | '/'));
    separated.then(|| letter.to_ascii_lowercase())
}

/// `mount.drvfs SOURCE TARGET [-o OPTIONS]`, as mount(8) calls it.
#[must_use]
pub fn mount(arguments: &[String]) -> ExitCode {
    let [source, target, rest @ ..] = arguments else {
        eprintln!("mount: Invalid argument");
        return ExitCode::from(INVALID_USAGE);
    };
    let options = match DriveOptions::parse(rest.get(1).map_or("", String::as_str)) {
        Ok(options) => options,
        Err(option) => {
            eprintln!("mount: {target}: Invalid argument ({option})");
            return ExitCode::from(MOUNT_FAIL);
        }
    };
    for warning in &options.warnings {
        eprintln!("<3>WSL ({}) WARNING: {warning}", std::process::id());
    }
    if !letter(source).is_some_and(|letter| Release::of_program().drives.contains(letter)) {
        eprintln!("mount: {target}: special device {source} does not exist.");
        return ExitCode::from(MOUNT_FAIL);
    }
    let arguments = ["-i", "-t", "tmpfs", source, target, "-o", &options.of_tmpfs()];
    match Command::new("/bin/mount").args(arguments).status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(MOUNT_FAIL))
        }
        Err(error) => {
            eprintln!("mount.drvfs: /bin/mount: {error}");
            ExitCode::from(MOUNT_FAIL)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_where_wsl_sends_them() {
        let tmpfs = |text: &str| DriveOptions::parse(text).map(|options| options.of_tmpfs());
        assert_eq!(tmpfs(""), Ok("uid=0,gid=0,mode=777".into()));
        assert_eq!(
            tmpfs("rw,noatime,metadata,uid=1000,gid=100,umask=22,fmask=11,case=dir,cache=loose,,uid=7"),
            Ok("rw,noatime,uid=7,gid=100,mode=755".into())
        );
        assert_eq!(tmpfs("ro,umask=77,dmask=027,symlinkroot=/mnt/"), Ok("ro,uid=0,gid=0,mode=750".into()));
        let remarks = DriveOptions::parse("case=force,fallback=1").map(|options| options.warnings.len());
        assert_eq!(remarks, Ok(2));
        for invalid in ["umask=9", "uid=me", "case=maybe", "fmask=", "gid=-1"] {
            assert_eq!(tmpfs(invalid), Err(invalid.into()));
        }
    }

    #[test]
    fn drives_have_a_letter() {
        for (source, expected) in [
            ("C:", Some('c')),
            ("d:\\", Some('d')),
            ("E:/a", Some('e')),
            ("C", None),
            ("CD:", None),
            ("\\\\a\\b", None),
        ] {
            assert_eq!(letter(source), expected, "{source}");
        }
    }
}
