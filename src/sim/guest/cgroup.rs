//! The distribution's cgroups, as its own processes see them (W§5.4).

use crate::system::error::{Context, Failure};
use std::fs;

/// The cgroup of the distribution as WSL names it, in the simulator's cgroup namespace.
const DISTRIBUTION: &str = "/sys/fs/cgroup/wsl-user/distro-1";

/// Where the distribution's processes are kept.
#[derive(Clone, Copy)]
pub struct Cgroups {
    /// With a subdirectory for systemd and one for everything else.
    divided: bool,
}

impl Cgroups {
    /// Makes the distribution's cgroups, with whatever controllers the machine offers, and moves this process to
    /// `non-systemd`.
    ///
    /// # Errors
    ///
    /// A directory cannot be made.
    pub fn make(divided: bool) -> Result<Self, Failure> {
        let cgroups = Self { divided };
        fs::create_dir_all(DISTRIBUTION).doing_at("make", DISTRIBUTION)?;
        if divided {
            for name in ["systemd", "non-systemd"] {
                let path = format!("{DISTRIBUTION}/{name}");
                fs::create_dir_all(&path).doing_at("make", &path)?;
            }
        }
        cgroups.join("non-systemd");
        // On a hybrid hierarchy there is none.
        for directory in ["/sys/fs/cgroup", "/sys/fs/cgroup/wsl-user", DISTRIBUTION] {
            let available = fs::read_to_string(format!("{directory}/cgroup.controllers")).unwrap_or_default();
            for controller in available.split_whitespace() {
                let _ = fs::write(format!("{directory}/cgroup.subtree_control"), format!("+{controller}"));
            }
        }
        Ok(cgroups)
    }

    /// Moves this process to `systemd` or `non-systemd`.
    pub fn join(self, name: &str) {
        let path = if self.divided {
            format!("{DISTRIBUTION}/{name}/cgroup.procs")
        } else {
            format!("{DISTRIBUTION}/cgroup.procs")
        };
        if let Err(error) = fs::write(&path, "0") {
            wsl_error!("init", "{path}: {error}");
        }
    }
}
