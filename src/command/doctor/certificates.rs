//! Certificates that the configuration, or somebody by way of a folder, has added: one that has expired is trusted in vain.

use std::time::SystemTime;

use rustix::fs::{OFlags, fstat};

use super::super::finding::{FILE_LIMIT, Finding, FindingKind, finding};
use crate::features::certificates::x509::Certificate;
use crate::features::certificates::{ADDED, BUNDLE, FOLDER, LIMIT, origins, pem};
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
    let mut push = |fault: String, advice: &str| {
        findings.push(finding(FindingKind::Certificate, fault, advice));
    };
    let declared = generations::current(root).ok().map(|generation| generation.file(DECLARED));
    let declared = declared.and_then(|file| root.read(file, FILE_LIMIT).ok()).unwrap_or_default();
    for file in String::from_utf8_lossy(&declared).lines() {
        match root.read(file, LIMIT as u64) {
            Ok(bytes) => {
                let advice = "replace it in security.pki, then `sudo nixos-rebuild switch`";
                faults(file, &bytes, now).for_each(|fault| push(fault, advice));
            }
            Err(error) => push(
                format!("{file}: {error}, and security.pki names it"),
                "`sudo nix-store --verify --check-contents --repair` brings back what the store has lost",
            ),
        }
    }
    if is_used(root) {
        let added = root.read(format!("{FOLDER}/{ADDED}"), LIMIT as u64).unwrap_or_default();
        // What Windows brings has no path.
        let text = String::from_utf8_lossy(&added);
        for (origin, text) in origins(&text).iter().filter(|(origin, _)| origin.starts_with('/')) {
            let advice = "replace the file, then `sudo systemctl start nixos-wsl-certificates`";
            faults(origin, text.as_bytes(), now).for_each(|fault| push(fault, advice));
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
