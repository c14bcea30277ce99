//! `/etc/wsl-distribution.conf`: what WSL takes from it at import and at the first interactive start (W§2).

use crate::wsl::conf::{self, Diagnostic};
use crate::wsl::keys::{self, SettingTarget};

/// Size limit of the icon and of the terminal profile, in bytes.
pub const RESOURCE_LIMIT: u64 = 1_048_576;

/// The settings of `/etc/wsl-distribution.conf`; field names are `section_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Run as `sh -c` before the first shell.
    pub oobe_command: Option<String>,
    /// Default user's id once `oobe_command` has succeeded.
    pub oobe_default_uid: Option<i32>,
    /// Name where none is given at installation; see [`valid_name`].
    pub oobe_default_name: Option<String>,
    /// Make a shortcut in the start menu.
    pub shortcut_enabled: bool,
    /// Its icon, a path in the distribution.
    pub shortcut_icon: Option<String>,
    /// Make a profile for the Windows terminal.
    pub windowsterminal_enabled: bool,
    /// JSON template of that profile, a path in the distribution.
    pub windowsterminal_profile_template: Option<String>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            oobe_command: None,
            oobe_default_uid: None,
            oobe_default_name: None,
            shortcut_enabled: true,
            shortcut_icon: None,
            windowsterminal_enabled: true,
            windowsterminal_profile_template: None,
        }
    }
}

impl Distribution {
    /// Reads the contents of a `wsl-distribution.conf` (a missing file is an empty one), with the remarks that WSL
    /// keeps to itself at import.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        let mut read = Self::default();
        let diagnostics = keys::assign(
            &conf::parse(bytes),
            &mut [
                ("oobe.command", SettingTarget::Text(&mut read.oobe_command)),
                ("oobe.defaultUid", SettingTarget::OptionalInt(&mut read.oobe_default_uid)),
                ("oobe.defaultName", SettingTarget::Text(&mut read.oobe_default_name)),
                ("shortcut.enabled", SettingTarget::Bool(&mut read.shortcut_enabled)),
                ("shortcut.icon", SettingTarget::Text(&mut read.shortcut_icon)),
                ("windowsterminal.enabled", SettingTarget::Bool(&mut read.windowsterminal_enabled)),
                (
                    "windowsterminal.profileTemplate",
                    SettingTarget::Text(&mut read.windowsterminal_profile_template),
                ),
            ],
        );
        (read, diagnostics)
    }
}

/// Whether WSL takes this as a distribution's name: `^[a-zA-Z0-9._-]{1,256}$`, and not `Legacy` (W§1.1).
#[must_use]
pub fn valid_name(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !name.eq_ignore_ascii_case("Legacy")
}

/// Whether WSL takes this as the template of a terminal's profile: an object with an array `profiles`, in strict JSON (W§2).
///
/// # Errors
/// What is wrong with it.
pub fn check_template(json: &[u8]) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    match value.get("profiles") {
        Some(serde_json::Value::Array(_)) => Ok(()),
        _ => Err("it is not an object with an array 'profiles'".into()),
    }
}
