//! `nixos-wsl/session.json` of a system: what the programs of the root must know before anything is activated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::system::error::one_line;
use crate::system::root::Root;

/// Who wants to wait for ever is well served by this; the end of a longer time may be no time any more.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Larger than any list of folders; a file beyond it is not ours.
const LIMIT: u64 = 1 << 20;

/// The settings of one system. A missing file, and every missing key, means the default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Seconds that an activation may take at boot.
    pub activation_timeout: u64,
    /// Seconds that a start may take from the activation's end to multi-user.target.
    pub start_timeout: u64,
    /// Seconds that a login waits for an activation under way.
    pub login_wait: u64,
    /// `automount.root` of wsl.conf: the folder of the Windows drives.
    pub automount_root: PathBuf,
    /// What becomes of the Windows folders that WSL appends to `PATH`.
    pub windows_path: WindowsPath,
    /// Who starts systemd.
    pub systemd_mode: Mode,
    /// Namespace mode: seconds that a shell waits until systemd is ready.
    pub systemd_timeout: u64,
    /// Namespace mode with WSL's default user root: the user whose shells root's are.
    pub systemd_user: Option<String>,
    /// `users.mutableUsers`: users and passwords that the configuration does not declare stay.
    pub mutable_users: bool,
}

/// Where systemd is process 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the distribution; WSL starts it.
    Native,
    /// In a namespace of its own; the first shell starts it.
    Namespace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            activation_timeout: 90,
            start_timeout: 90,
            login_wait: 10,
            automount_root: "/mnt".into(),
            windows_path: WindowsPath::Whole(AllOrNone::All),
            systemd_mode: Mode::Native,
            systemd_timeout: 90,
            systemd_user: None,
            mutable_users: true,
        }
    }
}

/// The fate of the Windows entries of `PATH`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum WindowsPath {
    /// All or none of them stay.
    Whole(AllOrNone),
    /// Those stay that match one of these patterns: `*` and `?`; upper and lower case are the same, as on Windows.
    Matching(Vec<String>),
}

/// `"all"` or `"none"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllOrNone {
    /// Every Windows entry stays.
    All,
    /// None stays.
    None,
}

impl Settings {
    /// The limit of an activation.
    #[must_use]
    pub fn activation_limit(&self) -> Duration {
        Duration::from_secs(self.activation_timeout).min(LONGEST)
    }

    /// How long a start may take before a stop from outside counts against it.
    #[must_use]
    pub fn start_limit(&self) -> Duration {
        Duration::from_secs(self.start_timeout)
    }

    /// The settings of the system at `toplevel`.
    ///
    /// # Errors
    /// One line that names the file, if it exists and cannot be used.
    pub fn load(root: &Root, toplevel: &Path) -> Result<Self, String> {
        let file = toplevel.join("nixos-wsl/session.json");
        match root.read(&file, LIMIT) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {}", file.display(), one_line(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }
}
