//! Where the boot says what it does: the kernel's log, and a file that the user can read afterwards.

use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};

use super::error::{Context, Failure};
use super::replace::{self, Attributes, Durability, Target};

/// The boot log of the running instance, mode 0644; the boot before it is in `…​.old`.
pub const FILE: &str = "/var/log/nixos-wsl-boot.log";
/// The boot before it.
const OLD: &str = "/var/log/nixos-wsl-boot.log.old";
/// Activation scripts may print without end; the file must not fill the disk.
const LIMIT: u64 = 4 << 20;
/// The kernel's log is small, and others need it too: no more than this of an activation's output.
const KMSG_LIMIT: u64 = 64 << 10;
/// The kernel cuts records at about 1000 bytes.
const KMSG_RECORD: usize = 900;

/// The open logs. Every part of it may be missing: nothing in here fails.
#[derive(Debug)]
pub struct Log {
    kmsg: Option<File>,
    file: Option<File>,
    /// Bytes of output so far.
    copied: u64,
}

impl Log {
    /// Opens `/dev/kmsg`; the file follows with [`Log::open_file`], once the root may be written.
    #[must_use]
    pub fn open() -> Self {
        Self { kmsg: OpenOptions::new().write(true).open("/dev/kmsg").ok(), file: None, copied: 0 }
    }

    /// Starts a new log file and keeps the last boot's beside it: at every moment both are there, whole.
    pub fn open_file(&mut self) {
        let _ = std::fs::create_dir_all("/var/log");
        match start(Path::new(FILE), Path::new(OLD)) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.warn(format_args!("no log file: {error}")),
        }
    }

    /// Says what is being done.
    pub fn info(&mut self, message: Arguments<'_>) {
        self.line(6, message);
    }

    /// Says what went wrong although the boot goes on.
    pub fn warn(&mut self, message: Arguments<'_>) {
        self.line(4, message);
    }

    /// Says what keeps a generation from booting.
    pub fn error(&mut self, message: Arguments<'_>) {
        self.line(3, message);
    }

    /// Copies a piece of an activation script's output, as far as there is room for it.
    pub fn output(&mut self, bytes: &[u8]) {
        self.copied += bytes.len() as u64;
        if self.copied <= LIMIT {
            self.append(bytes);
        }
        if self.copied > KMSG_LIMIT {
            return;
        }
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            for part in line.chunks(KMSG_RECORD) {
                self.kernel(6, &String::from_utf8_lossy(part));
            }
        }
    }

    fn line(&mut self, level: u8, message: Arguments<'_>) {
        let text = message.to_string();
        self.kernel(level, &text);
        self.append(format!("nixos-wsl-init: {text}\n").as_bytes());
    }

    /// One write is one record of the kernel's log; without that log, standard error has to do.
    fn kernel(&mut self, level: u8, text: &str) {
        let record = format!("<{level}>nixos-wsl-init: {text}\n");
        match &mut self.kmsg {
            Some(kmsg) => drop(kmsg.write_all(record.as_bytes())),
            None => drop(std::io::stderr().write_all(&record.as_bytes()[3..])),
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            let _ = file.write_all(bytes);
        }
    }
}

/// Makes the file at `path` the one at `old`, and an empty one at `path`, which is open then.
fn start(path: &Path, old: &Path) -> Result<File, Failure> {
    let folder = replace::open_folder(path).at(path)?;
    let name = path.file_name().unwrap_or_default();
    // The first boot has none.
    let _ = replace::hard_link(Target::new(folder.as_fd(), old), folder.as_fd(), name, Durability::None);
    let attributes = Attributes::mode(0o644);
    replace::file(Target::new(folder.as_fd(), path), attributes, Durability::None, |_| Ok::<_, Failure>(()))?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(&folder, name, flags, Mode::empty()).map(File::from).at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_log_is_kept_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, old, victim] = ["log", "log.old", "victim"].map(|name| folder.path().join(name));
        std::fs::write(&victim, "victim").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        for text in ["first", "second", "third"] {
            start(&path, &old).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(
            (read(&path).as_str(), read(&old).as_str(), read(&victim).as_str()),
            ("third", "second", "victim")
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
