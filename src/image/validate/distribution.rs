//! `/etc/wsl-distribution.conf` and the files that it names (W§8.1, W§2, W§7).

use super::judgement::{FILE_MODES, Judgement, VALIDATORS_LINKS};
use super::python_ini;
use super::unpacked::{KERNELS_LINKS, RootKind};
use super::verdict::{RuleSource, Severity};
use crate::wsl::distribution::{Distribution, RESOURCE_LIMIT, check_template, valid_name};

/// Its path.
pub const PATH: &str = "/etc/wsl-distribution.conf";

const KEYS: [&str; 7] = [
    "oobe.command",
    "oobe.defaultuid",
    "oobe.defaultname",
    "shortcut.icon",
    "shortcut.enabled",
    "windowsterminal.profiletemplate",
    "windowsterminal.enabled",
];

/// Judges it as the validator does; gives the user number of the first shell, if it sets one.
pub fn judge_by_validator(judgement: &mut Judgement<'_>) -> Option<i64> {
    let Some((_, node)) = judgement.root.follow(PATH.as_bytes(), VALIDATORS_LINKS) else {
        judgement.error("missing", PATH, "is missing, or its links lead nowhere");
        return None;
    };
    judgement.attributes(PATH, node, FILE_MODES, false);
    let Some(content) = judgement.content(node) else {
        judgement.error("unreadable", PATH, "is no file of at most 1 MiB");
        return None;
    };
    let settings = match python_ini::read(content) {
        Ok(settings) => settings,
        Err(problem) => {
            judgement.error("unreadable", PATH, &format!("cannot be read by the validator: {problem}"));
            return None;
        }
    };
    for (section, key, _) in &settings {
        if !KEYS.contains(&format!("{section}.{key}").to_lowercase().as_str()) {
            judgement.error(
                "unknown-key",
                PATH,
                &format!("has the key {section}.{key}, which the validator does not know"),
            );
        }
    }
    let value = |section: &str, key: &str| {
        let found = settings.iter().find(|(of, name, _)| of == section && name == key);
        found.map(|(_, _, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    if let Some(command) = value("oobe", "command") {
        let folders = ["/usr/lib/wsl", "/usr/libexec/wsl"];
        named(judgement, "oobe.command", command, None, &[0o775, 0o755], &folders);
    }
    match value("shortcut", "icon") {
        Some(icon) => {
            let folders = ["/usr/lib/wsl", "/usr/share/wsl"];
            named(judgement, "shortcut.icon", icon, Some(RESOURCE_LIMIT), FILE_MODES, &folders);
        }
        None => judgement.warning("no-icon", PATH, "has no shortcut.icon"),
    }
    if let Some(template) = value("windowsterminal", "profiletemplate") {
        let key = "windowsterminal.profileTemplate";
        named(judgement, key, template, Some(RESOURCE_LIMIT), &[0o660, 0o640], &["/usr/lib/wsl"]);
    }
    let uid = value("oobe", "defaultuid")?;
    if uid != "1000" {
        judgement.warning("default-uid", PATH, &format!("sets oobe.defaultUid to {uid} instead of 1000"));
    }
    let number = uid.parse().ok();
    if number.is_none() {
        judgement.error("unreadable", PATH, &format!("sets oobe.defaultUid to {uid}, which is no number"));
    }
    number
}

/// A file that a key names: it is looked up as it stands there, and no link is followed.
fn named(
    judgement: &mut Judgement<'_>,
    key: &str,
    path: &str,
    limit: Option<u64>,
    modes: &[u32],
    folders: &[&str],
) {
    match judgement.root.get(path) {
        None => {
            let text = format!("is missing, as {key} of {PATH} has it: whole and without links");
            judgement.error("missing", path, &text);
        }
        Some(node) => {
            judgement.attributes(path, node, modes, false);
            if limit.is_some_and(|limit| node.size > limit) {
                let text = format!("has {} bytes: {key} may have 1 MiB", node.size);
                judgement.error("too-large", path, &text);
            }
        }
    }
    if !folders.iter().any(|folder| path.starts_with(folder)) {
        judgement.warning(
            "folder",
            path,
            &format!("is not below {}, where {key} should be", folders.join(" or ")),
        );
    }
}

/// The files of the root whose contents the rules need once this file is known: the terminal's template.
#[must_use]
pub fn needs(conf: &[u8]) -> Vec<String> {
    let (distribution, _) = Distribution::parse(conf);
    distribution.windowsterminal_profile_template.into_iter().collect()
}

/// Judges it as WSL reads it, at registration and at the first start.
pub fn judge_by_wsl(judgement: &mut Judgement<'_>) {
    let Some((_, node)) = judgement.root.follow(PATH.as_bytes(), KERNELS_LINKS) else { return };
    let Some(content) = judgement.content(node) else { return };
    let (distribution, diagnostics) = Distribution::parse(content);
    let mut import = |severity, rule, path: &str, text: &str| {
        judgement.findings.add(severity, RuleSource::Import, rule, path.as_bytes(), text);
    };
    for diagnostic in diagnostics {
        let severity = if diagnostic.problem.ends_file() { Severity::Error } else { Severity::Warning };
        // WSL's words name the other file whichever it reads.
        import(severity, "settings", PATH, &diagnostic.to_string().replace("/etc/wsl.conf", PATH));
    }
    if let Some(name) = distribution.oobe_default_name.as_deref().filter(|name| !valid_name(name)) {
        let text = format!("sets oobe.defaultName to {name}, which is no name that WSL takes");
        import(Severity::Error, "default-name", PATH, &text);
    }
    let icon = distribution.shortcut_icon.filter(|_| distribution.shortcut_enabled);
    let template =
        distribution.windowsterminal_profile_template.filter(|_| distribution.windowsterminal_enabled);
    for (key, path) in [("shortcut.icon", &icon), ("windowsterminal.profileTemplate", &template)] {
        let Some(path) = path else { continue };
        let problem = match judgement.root.follow(path.as_bytes(), KERNELS_LINKS) {
            _ if path.contains("..") => "has `..` in its path",
            None => "is missing",
            Some((_, node)) if node.kind != RootKind::File => "is no file",
            Some((_, node)) if node.size > RESOURCE_LIMIT => "has more than 1 MiB",
            Some(_) => continue,
        };
        let text = format!("{problem}: WSL goes on without {key}");
        judgement.findings.add(Severity::Warning, RuleSource::Import, "resource", path.as_bytes(), &text);
    }
    if let Some(path) = template
        && let Some((_, node)) = judgement.root.follow(path.as_bytes(), KERNELS_LINKS)
        && let Some(json) = judgement.content(node)
        && let Err(problem) = check_template(json)
    {
        let text = format!("is no template of a terminal's profile: {problem}");
        judgement.findings.add(Severity::Warning, RuleSource::Import, "template", path.as_bytes(), &text);
    }
    if let Some(command) = distribution.oobe_command.as_deref()
        && let Some(program) = plain_program(command)
        && judgement.root.follow(program.as_bytes(), KERNELS_LINKS).is_none()
    {
        let text =
            format!("runs {program} at the first start, which is missing: no shell opens until it succeeds");
        judgement.findings.add(Severity::Error, RuleSource::Start, "oobe-command", PATH.as_bytes(), &text);
    }
}

/// The program of a command line, where it is a path without anything that a shell would change.
fn plain_program(command: &str) -> Option<&str> {
    let word = command.split_whitespace().next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    (word.starts_with('/') && word.bytes().all(plain)).then_some(word)
}
