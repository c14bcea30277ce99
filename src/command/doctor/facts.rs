//! What this is, as far as it can be seen: WSL's version, the kernel, the layout of the cgroups, where systemd runs.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::statfs;
use serde::{Deserialize, Serialize};

use super::contract::older;
use crate::command::status;
use crate::system::program::{Limits, ask};
use crate::system::root::Root;

const WSLINFO: &str = "/bin/wslinfo";
/// It answers out of its own program; a broken one must not hold the doctor up.
const LIMITS: Limits = Limits::short(Duration::from_secs(5));
/// `CGROUP2_SUPER_MAGIC` of linux/magic.h.
const CGROUP2: i64 = 0x6367_7270;

/// Who shares the cgroups with whom (W§5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupLayout {
    /// All distributions have one tree, and the same groups in it: WSL up to 2.9.4.
    Shared,
    /// One tree, a group for each distribution: WSL 2.9.5 and later.
    Isolated,
    /// A tree for each distribution, by a namespace.
    Namespaced,
    /// The old controllers beside the new tree.
    Hybrid,
    /// None of these is mounted.
    None,
}

/// What a distribution that runs is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// WSL's version, as `wslinfo` says it.
    pub wsl: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The layout of the cgroups.
    pub cgroups: CgroupLayout,
    /// Where systemd runs.
    pub systemd: String,
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        write!(f, "WSL: {}, kernel: {}, ", unknown(&self.wsl), unknown(&self.kernel))?;
        let layout = match self.cgroups {
            CgroupLayout::Shared => "shared by all distributions",
            CgroupLayout::Isolated => "a group for each distribution",
            CgroupLayout::Namespaced => "a namespace for each distribution",
            CgroupLayout::Hybrid => "hybrid",
            CgroupLayout::None => "none",
        };
        write!(f, "cgroups: {layout}, systemd: {}", self.systemd)
    }
}

impl Facts {
    /// Looks at the running distribution.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        let line = |path: &str| {
            let text = root.read(path, 4096).ok()?;
            Some(String::from_utf8_lossy(&text).trim().to_owned())
        };
        let wsl = version();
        let unified = unified(&root.path("/sys/fs/cgroup"));
        let cgroups = layout(root, unified, wsl.as_deref());
        let systemd = match status::status() {
            // WSL's first process is systemd only once the activation has ended.
            status::Status::Native if Path::new("/run/systemd/system").exists() => "running".into(),
            status => status.to_string(),
        };
        Self { wsl, kernel: line("/proc/sys/kernel/osrelease"), cgroups, systemd }
    }
}

fn version() -> Option<String> {
    // The old word is known to every version that has the program.
    let answer = ask(Command::new(WSLINFO).arg("--wsl-version"), LIMITS).ok()?;
    let version = answer.out.trim();
    (version.contains('.') && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        .then(|| version.to_owned())
}

/// Whether the new tree is mounted at `folder` itself; nothing if nothing is.
fn unified(folder: &Path) -> Option<bool> {
    let kind = statfs(folder).ok()?.f_type;
    if kind == CGROUP2 {
        return Some(true);
    }
    let mut below = std::fs::read_dir(folder).ok()?.flatten();
    below.any(|entry| entry.path().join("cgroup.procs").exists()).then_some(false)
}

/// The layout, by what is mounted, the names of the groups, and at last by the version.
pub fn layout(root: &Root, unified: Option<bool>, version: Option<&str>) -> CgroupLayout {
    match unified {
        None => return CgroupLayout::None,
        Some(false) => return CgroupLayout::Hybrid,
        Some(true) => {}
    }
    let group = |process: &str| {
        let text = root.read(format!("/proc/{process}/cgroup"), 4096).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().find_map(|line| line.strip_prefix("0::").map(str::to_owned))
    };
    let groups: Vec<String> = ["1", "self"].into_iter().filter_map(group).collect();
    let any = |part: &str| groups.iter().any(|group| group.contains(part));
    let tree = root.path("/sys/fs/cgroup");
    if any("/wsl-user/distro-") || tree.join("wsl-user").exists() {
        CgroupLayout::Isolated
    } else if any("/..") || any("/non-systemd") {
        CgroupLayout::Namespaced
    } else if version.is_some_and(|version| older(version, "2.9.5")) {
        CgroupLayout::Shared
    } else if tree.join("cgroup.events").exists() {
        // A tree's real root has no such file (cgroup-v2, "Core Interface Files").
        CgroupLayout::Namespaced
    } else {
        CgroupLayout::Shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout with `/proc/1/cgroup` and files in the tree.
    fn found(first: &str, files: &[&str], version: Option<&str>) -> CgroupLayout {
        let root = tempfile::tempdir().unwrap();
        let root = Root::new(root.path());
        let write = |path: &str, text: &str| {
            let path = root.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("/proc/1/cgroup", &format!("0::{first}\n"));
        for file in files {
            write(&format!("/sys/fs/cgroup/{file}"), "");
        }
        layout(&root, Some(true), version)
    }

    #[test]
    fn the_layout_shows_in_names_and_version() {
        assert_eq!(found("/wsl-user/distro-7/systemd/init.scope", &[], None), CgroupLayout::Isolated);
        assert_eq!(found("/", &["wsl-user/cgroup.procs"], None), CgroupLayout::Isolated);
        assert_eq!(found("/../..", &[], None), CgroupLayout::Namespaced);
        assert_eq!(found("/init.scope", &["cgroup.events"], Some("2.10.1")), CgroupLayout::Namespaced);
        assert_eq!(found("/init.scope", &[], Some("2.6.1.0")), CgroupLayout::Shared);
        assert_eq!(found("/init.scope", &["cgroup.events"], Some("2.6.1.0")), CgroupLayout::Shared);
        let root = Root::new("/nonexistent");
        assert_eq!(layout(&root, Some(false), None), CgroupLayout::Hybrid);
        assert_eq!(layout(&root, None, None), CgroupLayout::None);
    }
}
