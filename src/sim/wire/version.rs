//! Which WSL is simulated: its version, and what differs by it.

use serde::{Deserialize, Serialize};

/// The variable with the version.
pub const VERSION: &str = "WSL_SIM_VERSION";

/// How the virtual machine's cgroups are laid out (W§5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An empty file system with the unified hierarchy at `unified`; no groups.
    Hybrid,
    /// One hierarchy and no groups: every distribution's systemd uses the same names.
    Shared,
    /// `wsl-user/distro-N` for each distribution, seen by all; WSL's init stays at the top.
    Isolated,
    /// The same, as the root of a cgroup namespace of the distribution's own.
    Namespaced,
}

impl Layout {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Shared => "shared",
            Self::Isolated => "isolated",
            Self::Namespaced => "namespaced",
        }
    }
}

/// A release of WSL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WslVersion([u16; 3]);

impl WslVersion {
    /// What is simulated where nothing else is asked for: stands for the releases with microsoft/WSL#41512, whose number
    /// is not known.
    pub const NEWEST: Self = Self([2, 10, 0]);

    /// Reads `2.9.4`; one more number, as Windows shows it, is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u16>>>()?;
        match numbers[..] {
            [major, minor, patch] | [major, minor, patch, _] => Some(Self([major, minor, patch])),
            _ => None,
        }
    }

    /// Its cgroups. Versions before 2.5 mounted the old hierarchies beside the unified one.
    #[must_use]
    pub fn layout(self) -> Layout {
        if self >= Self::NEWEST {
            Layout::Namespaced
        } else if self >= Self([2, 9, 5]) {
            Layout::Isolated
        } else if self >= Self([2, 5, 0]) {
            Layout::Shared
        } else {
            Layout::Hybrid
        }
    }

    /// Whether `binfmt_misc/status` is kept from systemd by a mount (U§1, from 2.8.9 on).
    #[must_use]
    pub fn locks_binfmt(self) -> bool {
        self >= Self([2, 8, 9])
    }

    /// Whether `wsl-mnt-guard.service` is generated, which runs `/bin/true` (U§1, from 2.9.8 on).
    #[must_use]
    pub fn guards_mounts(self) -> bool {
        self >= Self([2, 9, 8])
    }
}

impl std::fmt::Display for WslVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_those_of_the_versions() {
        let layout = |text: &str| WslVersion::parse(text).map(WslVersion::layout);
        assert_eq!(layout("2.2.4"), Some(Layout::Hybrid));
        assert_eq!(layout("2.6.1"), Some(Layout::Shared));
        assert_eq!(layout("2.9.4.0"), Some(Layout::Shared));
        assert_eq!(layout("2.9.5"), Some(Layout::Isolated));
        assert_eq!(layout(&WslVersion::NEWEST.to_string()), Some(Layout::Namespaced));
        for text in ["", "2", "2.9", "2.9.x", "2.9.5.0.1", "isolated", "-1.0.0"] {
            assert_eq!(WslVersion::parse(text), None, "{text}");
        }
    }
}
