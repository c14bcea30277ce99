//! Units of systemd that are enabled and do harm in WSL (W§8.1), by literal paths as the validator looks for them.

use std::collections::BTreeMap;

use super::judgement::{Judgement, VALIDATORS_LINKS};
use super::unpacked::{RootEntry, RootKind};

const FOLDERS: [&str; 3] = ["usr/local/lib/systemd/system", "usr/lib/systemd/system", "etc/systemd/system"];

const DISCOURAGED: [&str; 14] = [
    "systemd-resolved.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-clean.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-vconsole-setup.service",
    "tmp.mount",
    "NetworkManager.service",
    "NetworkManager-wait-online.service",
    "console-getty.service",
    "networking.service",
    "hypervkvpd.service",
];

/// Looks for them in the targets' `wants`. The last folder that enables a unit is named.
pub fn judge(judgement: &mut Judgement<'_>) {
    let mut enabled: BTreeMap<&str, String> = BTreeMap::new();
    for folder in FOLDERS {
        for (name, entry) in judgement.root.below(folder.as_bytes()) {
            let Some((wants, unit)) = std::str::from_utf8(name).ok().and_then(|name| name.rsplit_once('/'))
            else {
                continue;
            };
            let Some(unit) = DISCOURAGED.iter().find(|discouraged| **discouraged == unit) else { continue };
            let wants = format!("{folder}/{wants}");
            // A folder that no member makes is not listed by the validator.
            let listed = judgement.root.get(&wants).is_some_and(|entry| entry.member.is_some());
            let path = format!("{wants}/{unit}");
            if wants.ends_with(".target.wants") && listed && !is_nowhere(judgement, &path, entry) {
                enabled.insert(unit, path);
            }
        }
    }
    for (unit, path) in enabled {
        let mask = format!("etc/systemd/system/{unit}");
        let masked = judgement.root.get(&mask).is_some_and(|entry| is_nowhere(judgement, &mask, entry));
        if !masked {
            judgement.warning("unit", &path, "is enabled and discouraged in WSL");
        }
    }
}

/// Whether this is a link to `/dev/null`.
fn is_nowhere(judgement: &Judgement<'_>, path: &str, entry: &RootEntry) -> bool {
    let real = || judgement.root.follow(path.as_bytes(), VALIDATORS_LINKS);
    entry.kind == RootKind::Symlink
        && (&*entry.target == b"/dev/null" || real().is_some_and(|(real, _)| real == b"dev/null"))
}
