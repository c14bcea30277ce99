//! Certificates that the configuration, or somebody by way of a folder, has added: one that has expired is trusted in vain.

use std::time::SystemTime;

use rustix::fs::{OFlags, fstat};

use super::super::finding::{FILE_LIMIT, Finding, FindingKind, finding};
use crate::features::certificates::x509::Certificate;
use crate::features::certificates::{ADDED, BUNDLE, FOLDER, LIMIT, pem};
use crate::system::date;
use crate::system::generations;
use crate::system::root::Root;

/// The files of `security.pki.certificateFiles`, one a line (modules/certificates.nix).
const DECLARED: &str = "nixos-wsl/certificates";
/// What programs read.
const USED: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Looks at each; what nixpkgs and Windows bring is theirs.
pub fn examine(root: &Root) -> Vec<Finding> {
    let now = SystemTime::now();
    let mut findings = Vec::new();
    let declared = generations::current(root).ok().map(|generation| generation.file(DECLARED));
    let declared = declared.and_then(|file| root.read(file, FILE_LIMIT).ok()).unwrap_or_default();
    for file in String::from_utf8_lossy(&declared).lines() {
        let bytes = root.read(file, LIMIT).unwrap_or_default();
        let advice = "replace it in security.pki, then `sudo nixos-rebuild switch`";
        findings
            .extend(faults(file, &bytes, now).map(|fault| finding(FindingKind::Certificate, fault, advice)));
    }
    if is_used(root) {
        let added = root.read(format!("{FOLDER}/{ADDED}"), 2 * LIMIT).unwrap_or_default();
        for (origin, text) in origins(&String::from_utf8_lossy(&added)) {
            let advice = "replace the file, then `sudo systemctl start nixos-wsl-certificates`";
            let faults = faults(origin, text.as_bytes(), now);
            findings.extend(faults.map(|fault| finding(FindingKind::Certificate, fault, advice)));
        }
    }
    findings
}

/// Whether programs read the bundle that is made here: a system without it may have been booted since.
fn is_used(root: &Root) -> bool {
    let file = |path: &str| {
        root.open(path, OFlags::PATH).and_then(fstat).ok().map(|found| (found.st_dev, found.st_ino))
    };
    file(USED).is_some_and(|used| Some(used) == file(&format!("{FOLDER}/{BUNDLE}")))
}

/// The certificates that are not Windows', each behind the line that names its file.
fn origins(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = text.split("# ").skip(1).filter_map(|piece| piece.split_once('\n'));
    pieces.filter(|(origin, _)| origin.starts_with('/'))
}

fn faults(file: &str, bytes: &[u8], now: SystemTime) -> impl Iterator<Item = String> {
    let list = pem::decode(bytes);
    let fault = move |read: Certificate| {
        let (word, time) = if read.until < now {
            ("has expired on", read.until)
        } else if read.from > now {
            ("is valid only from", read.from)
        } else {
            return None;
        };
        let date = date::minutes(time);
        Some(format!("the certificate `{}' {word} {}", read.name, date.split(' ').next().unwrap_or_default()))
    };
    let file = file.to_owned();
    list.into_iter()
        .filter_map(|der| Certificate::read(&der))
        .filter_map(fault)
        .map(move |fault| format!("{file}: {fault}"))
}
