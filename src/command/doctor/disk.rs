//! The disk below a distribution: full, soon full, or not to be written to.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::super::finding::{Finding, FindingKind, finding};
use crate::system::root::Root;

/// What WSL and NixOS write to; some have a disk of their own.
const PATHS: [&str; 5] = ["/", "/nix/store", "/var/lib/nixos-wsl", "/var/log", "/tmp"];
const MEBIBYTE: u64 = 1 << 20;
/// Less than this is full, or a hundredth of a smaller disk: an activation writes as much.
const LITTLE: u64 = 100 * MEBIBYTE;
/// Less than this and a tenth of the disk is soon full: the next upgrade of a system may need as much.
const SOON: u64 = 2048 * MEBIBYTE;
/// Inodes; an activation makes as many.
const FEW: u64 = 1000;

/// A mount, as the kernel lists it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub point: PathBuf,
    /// Its file system.
    pub kind: String,
    source: String,
}

/// Looks at every disk that these paths are on.
#[must_use]
pub fn examine(root: &Root) -> Vec<Finding> {
    let mounts = mounts(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    let mut seen: Vec<&Mount> = Vec::new();
    let mut findings = Vec::new();
    for path in PATHS {
        let Ok(file) = std::fs::canonicalize(root.path(path)) else { continue };
        let Some(mount) = mounts
            .iter()
            .rev()
            .filter(|mount| file.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.as_os_str().len())
        else {
            continue;
        };
        let Ok(disk) = statvfs(&file) else { continue };
        // Several mounts of one disk, as `/nix/store` is one of the root's.
        if seen.iter().any(|known| known.source == mount.source && known.kind == mount.kind) {
            continue;
        }
        seen.push(mount);
        let name = format!("the disk of {path} ({}, {})", mount.source, mount.kind);
        // From WSL's system distribution every disk is read-only.
        let live = root.directory() == Path::new("/") && path != "/nix/store";
        if live && disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
            findings.push(finding(
                FindingKind::DiskReadOnly,
                format!("{name} is read-only: nothing can be saved"),
                "WSL and the kernel do so after an error, such as a full drive of Windows (`dmesg` says which), or when \
                 this disk is full; make room, then `wsl --shutdown` and a new start try again",
            ));
        }
        let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let clean = "`sudo nix-collect-garbage -d` removes old generations; `wsl --manage NAME --resize SIZE` in Windows \
                     makes the disk larger";
        let in_mebibytes = format!("{} MiB of {} MiB are free", free / MEBIBYTE, size / MEBIBYTE);
        if size > 0 && free < LITTLE.min(size / 100) {
            findings.push(finding(FindingKind::DiskFull, format!("{name} is full: {in_mebibytes}"), clean));
        } else if disk.f_files > FEW && disk.f_favail < FEW.min(disk.f_files / 100) {
            let fault = format!("{name} has no room for further files: its inodes are used up");
            findings.push(finding(FindingKind::DiskInodes, fault, clean));
        } else if path != "/tmp" && free < SOON.min(size / 10) {
            findings.push(finding(
                FindingKind::DiskNearlyFull,
                format!("{name} is nearly full: {in_mebibytes}"),
                clean,
            ));
        }
    }
    findings
}

/// The mounts of `mountinfo` (proc(5)), in their order.
pub fn mounts(text: &str) -> Vec<Mount> {
    let parse = |line: &str| {
        let (place, device) = line.split_once(" - ")?;
        let mut device = device.split(' ');
        Some(Mount {
            point: unescape(place.split(' ').nth(4)?).into(),
            kind: device.next()?.to_owned(),
            source: device.next()?.to_owned(),
        })
    };
    text.lines().filter_map(parse).collect()
}

/// A field of `mountinfo` or fstab(5), in which blanks and backslashes are octal.
#[must_use]
pub fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => text.extend([char::from(code).encode_utf8(&mut [0; 4]), &part[3..]]),
            None => text.extend(["\\", part]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_blanks_are_blanks() {
        for (field, text) in [
            ("/a\\040b\\134c", "/a b\\c"),
            ("/plain", "/plain"),
            ("\\", "\\"),
            ("/x\\04", "/x\\04"),
            ("é\\040", "é "),
        ] {
            assert_eq!(unescape(field), text);
        }
    }

    #[test]
    fn mountinfo_is_read_with_and_without_optional_fields() {
        let text = "22 1 8:32 / / rw,relatime shared:1 - ext4 /dev/sdc rw,discard\n\
                    30 22 0:25 / /run rw - tmpfs none rw\nnonsense\n";
        let mount = |point: &str, kind: &str, source: &str| Mount {
            point: point.into(),
            kind: kind.into(),
            source: source.into(),
        };
        assert_eq!(mounts(text), [mount("/", "ext4", "/dev/sdc"), mount("/run", "tmpfs", "none")]);
    }
}
