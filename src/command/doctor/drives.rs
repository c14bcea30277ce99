//! File systems of fstab(5) that are not mounted. One with `nofail` whose disk is not there has no failed unit.

use std::fmt::Write;
use std::path::Path;

use super::super::finding::FILE_LIMIT;
use super::disk::{mounts, unescape};
use crate::system::root::Root;

/// A line of fstab whose file system is to be there at every start.
#[derive(Debug, PartialEq, Eq)]
pub struct MissingMount {
    /// Where it belongs.
    pub point: String,
    /// Its device, as the line names it.
    pub device: String,
    /// systemd's unit for it.
    pub unit: String,
}

/// The lines without a mount.
#[must_use]
pub fn missing(root: &Root) -> Vec<MissingMount> {
    let text =
        |path: &str| String::from_utf8_lossy(&root.read(path, FILE_LIMIT).unwrap_or_default()).into_owned();
    let mounted = mounts(&text("/proc/self/mountinfo"));
    let is_mounted = |point: &str| {
        // systemd mounts where a link leads.
        let real = std::fs::canonicalize(root.path(point)).ok();
        let place = real.as_deref().unwrap_or(Path::new(point));
        mounted.iter().any(|mount| mount.point == place || mount.point == Path::new(point))
    };
    text("/etc/fstab").lines().filter_map(wanted).filter(|line| !is_mounted(&line.point)).collect()
}

/// A line that is to be mounted at every start.
fn wanted(line: &str) -> Option<MissingMount> {
    let mut fields = line.split_ascii_whitespace();
    let device = fields.next().filter(|device| !device.starts_with('#'))?;
    let point = unescape(fields.next().filter(|point| point.starts_with('/'))?);
    let _kind = fields.next()?;
    let options = fields.next().unwrap_or_default();
    if options.split(',').any(|option| option == "noauto") {
        return None;
    }
    Some(MissingMount { unit: unit(&point), point, device: unescape(device) })
}

/// The name of a mount's unit (systemd.unit(5), "String Escaping for Inclusion in Unit Names").
fn unit(point: &str) -> String {
    let parts: Vec<&str> = point.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return "-.mount".into();
    }
    let mut name = String::new();
    for (index, byte) in parts.join("/").bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if index == 0 => name.push_str("\\x2e"),
            b':' | b'_' | b'.' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => drop(write!(name, "\\x{byte:02x}")),
        }
    }
    name + ".mount"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_systemds_names() {
        for (point, name) in [
            ("/", "-.mount"),
            ("/mnt/data", "mnt-data.mount"),
            ("/mnt/my-data/", "mnt-my\\x2ddata.mount"),
            ("/.hidden/a b", "\\x2ehidden-a\\x20b.mount"),
        ] {
            assert_eq!(unit(point), name);
        }
    }

    #[test]
    fn what_is_to_be_mounted_and_is_not_is_found() {
        let root = tempfile::tempdir().unwrap();
        let root = Root::new(root.path());
        for folder in ["etc", "proc/self"] {
            std::fs::create_dir_all(root.path(folder)).unwrap();
        }
        std::fs::write(root.path("proc/self/mountinfo"), "22 1 8:32 / /mnt/a\\040b rw - ext4 /dev/sdc rw\n")
            .unwrap();
        let fstab = "# a remark\nLABEL=x /mnt/a\\040b ext4 nofail 0 0\nLABEL=y /mnt/later ext4 noauto,nofail 0 0\n\
                     /dev/sdd none swap sw 0 0\nUUID=1 /mnt/lost ext4 defaults,nofail 0 2\nnonsense\n";
        std::fs::write(root.path("etc/fstab"), fstab).unwrap();
        let lost = MissingMount {
            point: "/mnt/lost".into(),
            device: "UUID=1".into(),
            unit: "mnt-lost.mount".into(),
        };
        assert_eq!(missing(&root), [lost]);
    }
}
