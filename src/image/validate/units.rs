//! Units of systemd that are enabled and do harm in WSL (W§8.1), by literal paths as the validator looks for them.

use super::judgement::{Judgement, VALIDATORS_LINKS};
use super::unpacked::RootKind;

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
    for unit in DISCOURAGED {
        let mut enabled = None;
        for folder in FOLDERS {
            for (name, node) in judgement.root.below(folder.as_bytes()) {
                let Some(wants) = name.strip_suffix(format!("/{unit}").as_bytes()) else { continue };
                let listed = std::str::from_utf8(wants).ok().map(|wants| format!("{folder}/{wants}"));
                // A folder that no member makes is not listed by the validator.
                let listed = listed.filter(|path| {
                    path.ends_with(".target.wants")
                        && judgement.root.get(path).is_some_and(|node| node.member.is_some())
                });
                let path = listed.map(|path| format!("{path}/{unit}"));
                enabled = path.filter(|path| !is_masked(judgement, path, node.kind)).or(enabled);
            }
        }
        if let Some(path) = enabled
            .filter(|_| !is_masked(judgement, &format!("etc/systemd/system/{unit}"), RootKind::Symlink))
        {
            judgement.warning("unit", &path, "is enabled and discouraged in WSL");
        }
    }
}

/// Whether a link leads to `/dev/null`.
fn is_masked(judgement: &Judgement<'_>, path: &str, kind: RootKind) -> bool {
    let Some(node) = judgement.root.get(path).filter(|_| kind == RootKind::Symlink) else { return false };
    if node.kind != RootKind::Symlink {
        return false;
    }
    let real = judgement.root.follow(path.as_bytes(), VALIDATORS_LINKS);
    &*node.target == b"/dev/null" || real.is_some_and(|(real, _)| real == b"dev/null")
}
