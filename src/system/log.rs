//! Where the boot says what it does: the kernel's log, and a file that the user can read afterwards.

use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// The boot log of the running instance, mode 0644; the boot before it is in `…​.old`.
pub const FILE: &str = "/var/log/nixos-wsl-boot.log";
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

    /// Starts a new log file and keeps the last boot's beside it.
    pub fn open_file(&mut self) {
        let _ = std::fs::create_dir_all("/var/log");
        let _ = std::fs::rename(FILE, format!("{FILE}.old"));
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(FILE);
        match opened {
            Ok(file) => self.file = Some(file),
            Err(error) => self.warn(format_args!("{FILE}: no log file: {error}")),
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
