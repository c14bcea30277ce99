//! An old WSL, and another distribution in the same cgroups (W§5.4; microsoft/WSL#13985, #40593).

use std::path::Path;
use std::time::Duration;

use super::super::finding::{FILE_LIMIT, Finding, FindingKind, finding};
use super::facts::{CgroupLayout, Facts};
use crate::features::windows::Interop;
use crate::system::program::{Limits, ask};
use crate::system::root::Root;
use crate::wsl::settings::WslSettings;

/// Windows takes its time to start the first program.
const LIMITS: Limits = Limits::short(Duration::from_secs(10));
const TREE: &str = "/sys/fs/cgroup";

/// Looks at what the running distribution has from WSL.
pub fn examine(root: &Root, facts: &Facts, settings: &WslSettings, findings: &mut Vec<Finding>) {
    if facts.kernel.as_deref().is_some_and(is_wsl1) {
        let fault = "this is WSL 1, in which neither systemd nor a daemon of Nix can run";
        let advice = "`wsl --set-version NAME 2` in Windows makes it WSL 2";
        findings.push(finding(FindingKind::Wsl1, fault, advice));
    }
    if facts.cgroups == CgroupLayout::Hybrid {
        let fault = format!("{TREE}: has the old controllers, which no systemd of NixOS can use any more");
        let advice = "`wsl --update` in Windows; take `automount.cgroups` out of wsl.wslConf, and the old controllers out \
                      of kernelCommandLine in .wslconfig";
        findings.push(finding(FindingKind::Cgroups, fault, advice));
    }
    if facts.cgroups == CgroupLayout::Shared
        && let Some(group) = foreign(root)
    {
        let others = others(settings);
        let names = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        let fault = format!(
            "the systemd of another distribution{names} is in the same cgroup {group}: one takes the other's sessions"
        );
        let advice = "`wsl --update` in Windows brings 2.9.5 or later, which keeps them apart; until then `wsl \
                      --terminate` the other, then `wsl --terminate` this one";
        findings.push(finding(FindingKind::OtherDistribution, fault, advice));
    }
}

/// WSL 1's release is `4.4.0-NNNNN-Microsoft`.
fn is_wsl1(kernel: &str) -> bool {
    kernel.ends_with("-Microsoft")
}

/// A group that systemd alone fills and that has a process of another process namespace, which reads as 0. Where this
/// distribution's systemd has a group of its own for all of its groups (`crate::boot::cgroup`), those at the top are others'.
fn foreign(root: &Root) -> Option<String> {
    let text = root.read("/proc/1/cgroup", FILE_LIMIT).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let own = text
        .lines()
        .find_map(|line| line.strip_prefix("0::")?.strip_suffix("/init.scope"))
        .unwrap_or_default();
    let has = |group: &str| {
        let file = format!("{TREE}{own}{group}/cgroup.procs");
        let text = root.read(file, FILE_LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| line == "0")
    };
    let mut groups = vec!["/init.scope".to_owned()];
    let users = std::fs::read_dir(root.path(format!("{TREE}{own}/user.slice")));
    for slice in users.into_iter().flatten().flatten() {
        let name = slice.file_name().to_string_lossy().into_owned();
        if let Some(uid) = name.strip_prefix("user-").and_then(|name| name.strip_suffix(".slice")) {
            groups.push(format!("/user.slice/{name}/user@{uid}.service/init.scope"));
        }
    }
    groups.into_iter().find(|group| has(group))
}

/// The other distributions that run, where Windows can be asked and this one's own name is known.
fn others(settings: &WslSettings) -> Vec<String> {
    let Ok(own) = std::env::var("WSL_DISTRO_NAME") else { return Vec::new() };
    let interop = Interop { drives: Path::new(&settings.automount_root), user: None };
    let mut command = interop.program("Windows/System32/wsl.exe");
    let Ok(answer) = ask(command.args(["--list", "--running", "--quiet"]), LIMITS) else {
        return Vec::new();
    };
    answer
        .out
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != own)
        .map(Into::into)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(cgroups: CgroupLayout, kernel: &str) -> Facts {
        Facts { wsl: None, kernel: Some(kernel.into()), cgroups, systemd: String::new() }
    }

    /// What is found with processes in these groups.
    fn found(facts: &Facts, groups: &[(&str, &str)]) -> Vec<FindingKind> {
        let root = tempfile::tempdir().unwrap();
        let root = Root::new(root.path());
        for (group, processes) in groups {
            let folder = root.path(format!("{TREE}/{group}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("cgroup.procs"), processes).unwrap();
        }
        let mut findings = Vec::new();
        let settings = WslSettings { automount_root: "/nonexistent/".into(), ..WslSettings::default() };
        examine(&root, facts, &settings, &mut findings);
        findings.into_iter().map(|finding| finding.kind).collect()
    }

    const KERNEL: &str = "6.6.87.2-microsoft-standard-WSL2";

    #[test]
    fn another_distribution_is_found_in_shared_groups_alone() {
        let shared = facts(CgroupLayout::Shared, KERNEL);
        let user = "user.slice/user-1000.slice/user@1000.service/init.scope";
        assert_eq!(found(&shared, &[("init.scope", "1\n"), (user, "345\n346\n")]), []);
        assert_eq!(found(&shared, &[("init.scope", "0\n1\n")]), [FindingKind::OtherDistribution]);
        assert_eq!(
            found(&shared, &[("init.scope", "1\n"), (user, "0\n0\n")]),
            [FindingKind::OtherDistribution]
        );
        let isolated = facts(CgroupLayout::Isolated, KERNEL);
        assert_eq!(found(&isolated, &[("init.scope", "0\n1\n")]), [], "process 1 of another tree");
    }

    #[test]
    fn an_old_wsl_is_named() {
        assert_eq!(found(&facts(CgroupLayout::Hybrid, KERNEL), &[]), [FindingKind::Cgroups]);
        assert_eq!(found(&facts(CgroupLayout::None, "4.4.0-19041-Microsoft"), &[]), [FindingKind::Wsl1]);
        assert_eq!(found(&facts(CgroupLayout::Namespaced, KERNEL), &[]), []);
    }
}
