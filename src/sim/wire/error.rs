//! What a command of the simulator can fail with: WSL's own failures in WSL's words, and the simulator's own.

use std::io;

use thiserror::Error;

use crate::system::error::Failure;

/// A failed command. wsl.exe answers every failure of its own with exit code −1 (W§6.4).
#[derive(Debug, Error)]
pub enum Error {
    /// A failure that WSL has, in its words.
    #[error("{text}\nError code: {code}")]
    Wsl {
        /// WSL's message.
        text: String,
        /// WSL's code with its context.
        code: &'static str,
    },
    /// A failure that WSL prints without a code.
    #[error("{0}")]
    Plain(String),
    /// A system call failed.
    #[error("wsl-sim: {0}")]
    System(#[from] Failure),
    /// Something the simulator needs is missing; the text says what and how to get it.
    #[error("wsl-sim: {0}")]
    Missing(String),
}

/// A system call's error in the C library's words (`strerror(3)`), without the number that Rust adds.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Result of the simulator.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of WSL's.
    pub fn wsl(code: &'static str, text: impl Into<String>) -> Self {
        Self::Wsl { text: text.into(), code }
    }

    /// A privilege is missing for something.
    #[must_use]
    pub fn privilege(what: &str, error: &io::Error) -> Self {
        Self::Missing(format!(
            "cannot {what}: {error}. A distribution needs a cgroup and namespaces of its own: run as root (sudo), and in a \
             container with --privileged and a writable cgroup2 hierarchy"
        ))
    }

    /// No distribution of that name.
    #[must_use]
    pub fn not_found() -> Self {
        Self::wsl("Wsl/Service/WSL_E_DISTRO_NOT_FOUND", "There is no distribution with the supplied name.")
    }

    /// A parameter that WSL does not take.
    #[must_use]
    pub fn invalid_argument() -> Self {
        Self::wsl("Wsl/E_INVALIDARG", "The parameter is incorrect.")
    }

    /// An installation, removal or export is under way.
    #[must_use]
    pub fn busy() -> Self {
        Self::wsl(
            "Wsl/Service/E_ILLEGAL_STATE_CHANGE",
            "An install, uninstall, or conversion is in progress for this distribution.",
        )
    }
}
