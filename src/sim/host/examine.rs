//! What an unpacked archive holds: is it a distribution, which one, and what does it ask for (W§1.4, W§2).

use std::path::Path;

use crate::sim::host::rootfs::Rootfs;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::Registration;
use crate::wsl::distribution::{Distribution, check_template};

/// Looks at what is in a root directory and fills in the registration's flavour and version.
///
/// # Errors
///
/// It is no distribution.
pub fn examine(root: &Path, registration: &mut Registration) -> Result<Distribution> {
    let root = Rootfs(root);
    if !root.exists("/etc") && !root.exists("/bin/sh") {
        return Err(Error::wsl(
            "Wsl/Service/RegisterDistro/WSL_E_NOT_A_LINUX_DISTRO",
            "The imported file is not a valid Linux distribution.",
        ));
    }
    let release = root.read("/etc/os-release").unwrap_or_default();
    let release = String::from_utf8_lossy(&release);
    registration.flavor = release_field(&release, "ID");
    registration.os_version = release_field(&release, "VERSION_ID");
    let conf = root.read("/etc/wsl-distribution.conf").unwrap_or_default();
    let (distribution, diagnostics) = Distribution::parse(&conf);
    // WSL is silent here, and the distribution has lost a setting.
    for diagnostic in diagnostics {
        eprintln!("wsl-sim: hidden by WSL: wsl-distribution.conf: {diagnostic}");
    }
    if let Some(icon) = distribution.shortcut_icon.as_deref().filter(|_| distribution.shortcut_enabled)
        && let Err(error) = root.read_resource(icon)
    {
        eprintln!("wsl-sim: hidden by WSL: shortcut.icon: {error}");
    }
    if let Some(template) = distribution
        .windowsterminal_profile_template
        .as_deref()
        .filter(|_| distribution.windowsterminal_enabled)
    {
        match root.read_resource(template) {
            Err(error) => eprintln!("wsl-sim: hidden by WSL: windowsterminal.profileTemplate: {error}"),
            Ok(json) => {
                if let Err(problem) = check_template(&json) {
                    eprintln!(
                        "wsl: Failed to parse terminal profile while registering distribution: {problem}"
                    );
                }
            }
        }
    }
    Ok(distribution)
}

/// WSL's expression: `^NAME="?([a-zA-Z0-9\-_\.,]*)"?$`.
fn release_field(release: &str, name: &str) -> Option<String> {
    release.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        let value = value.strip_prefix('"').unwrap_or(value);
        let value = value.strip_suffix('"').unwrap_or(value);
        value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.,".contains(&byte))
            .then(|| value.into())
    })
}
