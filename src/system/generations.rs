//! The system's generations: the links next to the profile `/nix/var/nix/profiles/system`.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::root::Root;

/// The folder of the profiles.
pub const PROFILES: &str = "/nix/var/nix/profiles";
/// The link that names the generation to boot.
pub const PROFILE: &str = "/nix/var/nix/profiles/system";

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// N of `system-N-link`; nothing if the profile leads to a system without one.
    pub number: Option<u64>,
    /// The system: a store path, as seen from inside the root.
    pub toplevel: PathBuf,
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.number {
            Some(number) => write!(f, "generation {number}"),
            None => write!(f, "the system {}", self.toplevel.display()),
        }
    }
}

impl Generation {
    /// A file of this system.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.toplevel.join(name)
    }

    /// Says why this generation cannot be booted, as far as files tell without running them.
    ///
    /// # Errors
    /// A phrase that names the file.
    pub fn bootable(&self, root: &Root) -> Result<(), String> {
        for name in ["activate", "systemd/lib/systemd/systemd"] {
            let file = self.file(name);
            root.executable(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }
}

/// `N` of `system-N-link`.
#[must_use]
pub fn number(name: &Path) -> Option<u64> {
    let digits = name.file_name()?.to_str()?.strip_prefix("system-")?.strip_suffix("-link")?;
    // Nix writes no other form; with `system-02-link` there would be two generations of one number.
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
}

/// All generations, the newest first.
#[must_use]
pub fn all(root: &Root) -> Vec<Generation> {
    let Ok(folder) = std::fs::read_dir(root.path(PROFILES)) else { return Vec::new() };
    let mut found: Vec<Generation> = folder
        .flatten()
        .filter_map(|entry| {
            let number = number(Path::new(&entry.file_name()))?;
            let toplevel = std::fs::read_link(entry.path()).ok()?;
            Some(Generation { number: Some(number), toplevel })
        })
        .collect();
    found.sort_by_key(|generation| Reverse(generation.number));
    found
}

/// The generation the profile names.
///
/// # Errors
/// If the profile is no link.
pub fn current(root: &Root) -> std::io::Result<Generation> {
    let target = std::fs::read_link(root.path(PROFILE))?;
    match number(&target) {
        Some(number) => {
            let link = Path::new(PROFILES).join(format!("system-{number}-link"));
            let toplevel = std::fs::read_link(root.path(link))?;
            Ok(Generation { number: Some(number), toplevel })
        }
        None => Ok(Generation { number: None, toplevel: Path::new(PROFILES).join(target) }),
    }
}
