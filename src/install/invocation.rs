//! Under which of its names the program was started, and how it runs on when its own file is replaced.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::MemfdFlags;

/// The name of the copy in memory; `/proc/self/exe` shows it.
const IN_MEMORY: &str = "nixos-wsl-install";

/// What the program is this time.
#[derive(Debug, PartialEq, Eq)]
pub enum Role {
    /// `/sbin/init` as process 1.
    Init,
    /// `/bin/sh`.
    SystemShell,
    /// `/bin/mount`.
    Mount,
    /// A user's shell.
    LoginShell,
    /// Any other program.
    Other,
    /// `--unpack DIRECTORY`.
    Unpack(PathBuf),
}

/// How the program was started.
#[derive(Debug)]
pub struct Invocation {
    /// The path that was given to `execve`.
    pub file: PathBuf,
    /// The arguments as they came, with the first.
    pub arguments: Vec<OsString>,
    in_memory: bool,
}

impl Invocation {
    /// Looks at the kernel's word for the path: `argv[0]` is whatever the caller wrote there.
    #[must_use]
    pub fn discover(argv: &[OsString]) -> Self {
        let executable = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let in_memory = executable.to_string_lossy().starts_with(&format!("/memfd:{IN_MEMORY}"));
        match argv {
            [_, file, arguments @ ..] if in_memory => {
                Self { file: file.into(), arguments: arguments.to_vec(), in_memory }
            }
            _ => {
                let file = Path::new(OsStr::from_bytes(rustix::param::linux_execfn().to_bytes())).to_owned();
                Self { file, arguments: argv.to_vec(), in_memory: false }
            }
        }
    }

    /// What the path stands for.
    #[must_use]
    pub fn role(&self) -> Role {
        if let [_, option, directory] = &self.arguments[..]
            && option == "--unpack"
        {
            return Role::Unpack(directory.into());
        }
        let name = self.file.file_name().unwrap_or_default();
        let folder = self.file.parent().unwrap_or(Path::new(""));
        if name == "init" && std::process::id() == 1 {
            Role::Init
        } else if folder == Path::new("/bin") {
            match name.to_str() {
                Some("sh") => Role::SystemShell,
                Some("mount") => Role::Mount,
                _ => Role::Other,
            }
        } else if name == "init" {
            Role::Other
        } else {
            Role::LoginShell
        }
    }

    /// Starts over from a copy in memory: the file on disk goes away, and its blocks with it. Where that is not possible,
    /// the process just goes on, because a running file is unlinked and never written to.
    pub fn run_from_memory(&self) {
        if self.in_memory {
            return;
        }
        let Ok(mut program) = File::open("/proc/self/exe") else { return };
        let Ok(memory) = rustix::fs::memfd_create(IN_MEMORY, MemfdFlags::CLOEXEC) else { return };
        let mut memory = File::from(memory);
        if std::io::copy(&mut program, &mut memory).is_err() {
            return;
        }
        let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
        let argv = [OsStr::new(IN_MEMORY), self.file.as_os_str()];
        let argv = argv.into_iter().chain(self.arguments.iter().map(OsString::as_os_str));
        drop(crate::sys::execve(&path, argv, None));
    }
}
