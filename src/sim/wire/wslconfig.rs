//! What a file `.wslconfig` in the registry sets, as the one in a Windows user's profile does for the virtual machine.
//!
//! Its grammar is wsl.conf's. Of WSL's own keys those are read that the simulator can obey; `simulator.version`, which
//! Windows has not, chooses the release.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::version::WslVersion;
use crate::system::error::Context;
use crate::wsl::conf;

/// What `wslinfo --networking-mode` says; the network itself is the same in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkingMode {
    /// WSL's default.
    #[default]
    Nat,
    /// The Windows machine's own interfaces.
    Mirrored,
    /// A switch of Hyper-V's.
    Bridged,
    /// WSL's own proxy.
    Consomme,
    /// No network.
    None,
}

impl NetworkingMode {
    const ALL: [Self; 5] = [Self::Nat, Self::Mirrored, Self::Bridged, Self::Consomme, Self::None];

    /// WSL's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Mirrored => "mirrored",
            Self::Bridged => "bridged",
            Self::Consomme => "consomme",
            Self::None => "none",
        }
    }
}

/// The settings of a virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WslConfig {
    /// `simulator.version`
    pub version: Option<WslVersion>,
    /// `general.instanceIdleTimeout`, in milliseconds: how long a distribution runs after its last process. Without it,
    /// or below 0, for ever.
    pub instance_idle_timeout: Option<u32>,
    /// `wsl2.vmIdleTimeout`, in milliseconds: how long the virtual machine runs after its last distribution. Without it
    /// not at all; below 0 for ever.
    pub vm_idle_timeout: VmIdleTimeout,
    /// `wsl2.networkingMode`
    pub networking_mode: NetworkingMode,
    /// `wsl2.safeMode`
    pub safe_mode: bool,
}

/// How long a virtual machine without distributions runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VmIdleTimeout {
    /// So many milliseconds.
    After(u32),
    /// Until `--shutdown`.
    Never,
}

impl Default for VmIdleTimeout {
    fn default() -> Self {
        Self::After(0)
    }
}

impl WslConfig {
    /// Its name in the registry.
    pub const FILE: &'static str = ".wslconfig";

    /// The file of a registry, which need not be there.
    ///
    /// # Errors
    ///
    /// It cannot be read, or a value is none.
    pub fn read(home: &Path) -> Result<Self> {
        let path = home.join(Self::FILE);
        match fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).doing_at("read", &path).map_err(Error::from),
        }
    }

    /// Reads the file's text. Keys of WSL's that mean nothing here have no effect.
    ///
    /// # Errors
    ///
    /// A value is none: WSL would go on with its default, and a test would not be what it was meant to be.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut config = Self::default();
        let read = conf::parse(bytes);
        if let Some(diagnostic) = read.stopped {
            return Err(Error::Missing(format!("{}: {diagnostic}", Self::FILE)));
        }
        // The first occurrence of a key wins.
        for entry in read.entries.iter().rev() {
            let text = String::from_utf8_lossy(&entry.value);
            let invalid = || Error::Missing(format!("{}: {} is not {text:?}", Self::FILE, entry.key));
            let milliseconds = || text.parse::<i32>().map_err(|_| invalid());
            match entry.key.to_ascii_lowercase().as_str() {
                "simulator.version" => {
                    config.version = Some(WslVersion::parse(&text).ok_or_else(invalid)?);
                }
                "general.instanceidletimeout" => {
                    config.instance_idle_timeout = u32::try_from(milliseconds()?).ok();
                }
                "wsl2.vmidletimeout" => {
                    config.vm_idle_timeout =
                        u32::try_from(milliseconds()?).map_or(VmIdleTimeout::Never, VmIdleTimeout::After);
                }
                "wsl2.networkingmode" => {
                    let mode =
                        NetworkingMode::ALL.into_iter().find(|mode| text.eq_ignore_ascii_case(mode.name()));
                    config.networking_mode = mode.ok_or_else(invalid)?;
                }
                "wsl2.safemode" => {
                    config.safe_mode = match text.to_ascii_lowercase().as_str() {
                        "true" | "1" => true,
                        "false" | "0" => false,
                        _ => return Err(invalid()),
                    };
                }
                _ => {}
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_wsl_reads_it() {
        let text = b"[wsl2]\nmemory=8GB\nvmIdleTimeout=-1\nNetworkingMode=Mirrored\n\n[general]\n\
                     instanceIdleTimeout=5000\ninstanceIdleTimeout=1\n[simulator]\nversion=2.9.4\n";
        let config = WslConfig::parse(text).expect("a file");
        assert_eq!(config.version, WslVersion::parse("2.9.4"));
        assert_eq!(config.vm_idle_timeout, VmIdleTimeout::Never);
        assert_eq!(config.instance_idle_timeout, Some(5000), "the first one wins");
        assert_eq!(config.networking_mode, NetworkingMode::Mirrored);
        assert_eq!(WslConfig::parse(b"").expect("an empty file"), WslConfig::default());
        for text in ["[wsl2]\nvmIdleTimeout=soon\n", "[simulator]\nversion=new\n", "[wsl2]\nsafeMode=maybe\n"]
        {
            assert!(WslConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
