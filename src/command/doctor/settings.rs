//! `/etc/wsl.conf` and `/etc/wsl-distribution.conf`: what WSL does not take of them, and what somebody has changed by hand.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use rustix::fs::OFlags;

use super::super::finding::{FILE_LIMIT, Finding, FindingKind, REBUILD, finding};
use crate::boot::next;
use crate::system::error::one_line;
use crate::system::root::Root;
use crate::system::settings::{Mode, Settings};
use crate::wsl::conf;
use crate::wsl::distribution::Distribution;
use crate::wsl::settings::WslSettings;

const WSL_CONF: &str = "/etc/wsl.conf";
const CONFIGURE: &str = "set it by wsl.wslConf, rebuild, and start again with `wsl --terminate`";
const RESTORE: &str = "`sudo nixos-rebuild switch` writes the file anew, wsl.wslConf changes it for good; both hold after \
                       `wsl --terminate`";

/// Looks at both files; what WSL reads in the first.
pub fn examine(root: &Root, findings: &mut Vec<Finding>) -> WslSettings {
    let bytes = read(root, WSL_CONF, findings);
    if std::fs::read_link(root.path(WSL_CONF)).is_ok_and(|target| target.is_absolute()) {
        let fault =
            format!("{WSL_CONF}: is a link, which WSL follows before it is in the distribution, to nowhere");
        findings.push(finding(FindingKind::WslConfLink, fault, REBUILD));
    }
    let (settings, remarks) = WslSettings::parse(&bytes);
    for remark in remarks {
        let rest = if remark.problem.ends_file() { "; WSL reads nothing after it" } else { "" };
        findings.push(finding(FindingKind::WslConfLine, format!("{remark}{rest}"), CONFIGURE));
    }
    compare(root, &bytes, &settings, findings);
    distribution_conf(root, findings);
    settings
}

/// A file of settings; the contract has spoken of a missing one.
fn read(root: &Root, path: &str, findings: &mut Vec<Finding>) -> Vec<u8> {
    match root.read(path, FILE_LIMIT) {
        Ok(bytes) => return bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => findings.push(finding(FindingKind::Settings, format!("{path}: {error}"), REBUILD)),
    }
    Vec::new()
}

/// What the system that starts next says, against what WSL will read before.
fn compare(root: &Root, bytes: &[u8], settings: &WslSettings, findings: &mut Vec<Finding>) {
    let Some(next) = next::next(root) else { return };
    let native =
        Settings::load(root, &next.toplevel).is_ok_and(|settings| settings.systemd_mode == Mode::Native);
    let off = native && !settings.boot_systemd;
    if off {
        let fault = format!(
            "{WSL_CONF}: boot.systemd is off, and this system leaves systemd to WSL: no service will run"
        );
        let advice = "`sudo nixos-rebuild switch` writes the file anew, then `wsl --terminate`; where WSL is to start \
                      none, wsl.systemd.mode = \"namespace\" does";
        findings.push(finding(FindingKind::SystemdOff, fault, advice));
    }
    let Ok(configured) = root.read(next.file("etc/wsl.conf"), FILE_LIMIT) else { return };
    for (key, ours, theirs) in differences(&configured, bytes) {
        if !(off && key == "boot.systemd") {
            let fault = format!("{WSL_CONF}: {key} is {theirs}, in the configuration {ours}");
            findings.push(finding(FindingKind::WslConfDiffers, fault, RESTORE));
        }
    }
}

/// The keys of two files that are not the same in both, with both values.
fn differences(configured: &[u8], found: &[u8]) -> Vec<(String, String, String)> {
    let (configured, found) = (entries(configured), entries(found));
    let keys: std::collections::BTreeSet<_> = configured.keys().chain(found.keys()).collect();
    let value = |value: Option<&Vec<u8>>| {
        value.map_or_else(
            || "not set".into(),
            |value| format!("`{}`", one_line(String::from_utf8_lossy(value))),
        )
    };
    let differing = keys.into_iter().filter(|key| configured.get(*key) != found.get(*key));
    differing.map(|key| (key.clone(), value(configured.get(key)), value(found.get(key)))).collect()
}

/// The keys in small letters, each with the value that counts; truths in one spelling.
fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut entries = BTreeMap::new();
    for entry in conf::parse(bytes).entries {
        let plain = match crate::wsl::keys::parse_bool(&entry.value) {
            Some(true) if entry.value != b"1" => b"true".to_vec(),
            Some(false) if entry.value != b"0" => b"false".to_vec(),
            _ => entry.value,
        };
        entries.entry(entry.key.to_ascii_lowercase()).or_insert(plain);
    }
    entries
}

fn distribution_conf(root: &Root, findings: &mut Vec<Finding>) {
    let path = "/etc/wsl-distribution.conf";
    let (distribution, remarks) = Distribution::parse(&read(root, path, findings));
    // WSL's remarks name wsl.conf whichever file they are about.
    for remark in remarks {
        let fault = remark.to_string().replace(WSL_CONF, path);
        findings.push(finding(
            FindingKind::DistributionConf,
            fault,
            "set it by wsl.distribution and rebuild",
        ));
    }
    let resources =
        [distribution.shortcut_icon, distribution.windowsterminal_profile_template].into_iter().flatten();
    for resource in resources {
        if let Err(error) = root.open(&resource, OFlags::PATH) {
            let fault = format!("{resource}: {error}; {path} names it");
            findings.push(finding(FindingKind::DistributionConf, fault, REBUILD));
        }
    }
}
