//! `/etc/wsl.conf` (W§8.1, W§3).

use super::judgement::{FILE_MODES, Judgement, VALIDATORS_LINKS};
use super::python_ini;
use super::unpacked::{KERNELS_LINKS, RootKind};
use super::verdict::{RuleSource, Severity};
use crate::wsl::settings::WslSettings;

/// Its path.
pub const PATH: &str = "/etc/wsl.conf";

/// The validator's list: it lacks keys that WSL knows, and has one that WSL does not.
const KEYS: [&str; 21] = [
    "automount.cgroups",
    "automount.enabled",
    "automount.ldconfig",
    "automount.mountfstab",
    "automount.options",
    "automount.root",
    "boot.command",
    "boot.protectbinfmt",
    "boot.systemd",
    "fileserver.enabled",
    "filesystem.umask",
    "general.hostname",
    "gpu.appendlibpath",
    "gpu.enabled",
    "interop.appendwindowspath",
    "interop.enabled",
    "network.generatehosts",
    "network.generateresolvconf",
    "network.hostname",
    "time.usewindowstimezone",
    "user.default",
];

/// Judges it as the validator does; it may be missing.
pub fn judge_by_validator(judgement: &mut Judgement<'_>) {
    let Some((_, node)) = judgement.root.follow(PATH.as_bytes(), VALIDATORS_LINKS) else { return };
    judgement.attributes(PATH, node, FILE_MODES, false);
    let Some(content) = judgement.content(node) else {
        return judgement.error("unreadable", PATH, "is no file of at most 1 MiB");
    };
    let settings = match python_ini::read(content) {
        Ok(settings) => settings,
        Err(problem) => {
            let text = format!("cannot be read by the validator: {problem}");
            return judgement.error("unreadable", PATH, &text);
        }
    };
    let mut init = false;
    for (section, key, value) in &settings {
        let name = format!("{section}.{key}");
        if !KEYS.contains(&name.to_lowercase().as_str()) {
            let text = format!("has the key {name}, which the validator does not know");
            judgement.error("unknown-key", PATH, &text);
        }
        init |= name == "boot.systemd" && !value.is_empty();
        if name == "user.default" {
            judgement.warning(
                "default-user",
                PATH,
                &format!("sets user.default to {value}, which is discouraged"),
            );
        }
    }
    if init {
        judgement.program("/sbin/init", true);
    }
}

/// Judges it as WSL reads it at each start.
pub fn judge_by_wsl(judgement: &mut Judgement<'_>, users: &[String]) {
    let Some((_, node)) = judgement.root.follow(PATH.as_bytes(), KERNELS_LINKS) else { return };
    let Some(content) = judgement.content(node) else { return };
    let (settings, diagnostics) = WslSettings::parse(content);
    let mut start = |severity, rule, path: &str, text: &str| {
        judgement.findings.add(severity, RuleSource::Start, rule, path.as_bytes(), text);
    };
    for diagnostic in diagnostics {
        let severity = if diagnostic.problem.ends_file() { Severity::Error } else { Severity::Warning };
        start(severity, "settings", PATH, &diagnostic.to_string());
    }
    if judgement.root.get(PATH).is_some_and(|node| node.target.starts_with(b"/")) {
        let text =
            "is an absolute link, which leads nowhere where WSL first reads it: outside the distribution";
        start(Severity::Warning, "settings-link", PATH, text);
    }
    if let Some(user) = settings.user_default.as_deref().filter(|user| !users.iter().any(|name| name == user))
    {
        let text = format!("sets user.default to {user}, who is not in /etc/passwd");
        start(Severity::Warning, "default-user", PATH, &text);
    }
    if settings.boot_systemd {
        let init = judgement.root.follow(b"/sbin/init", KERNELS_LINKS);
        let executable = init.is_some_and(|(_, node)| node.kind == RootKind::File && node.mode & 0o111 != 0);
        if !executable {
            let text = "cannot be started, so that WSL goes on without systemd and says nothing";
            start(Severity::Error, "init", "/sbin/init", text);
        }
    }
}
