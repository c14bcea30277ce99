//! What in the root is not the installer's to write: mount points, and the files that WSL writes itself (W§4.4, W§11.17).

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Files that WSL makes; the installer leaves one that is there alone.
const OF_WSL: [&str; 8] = [
    "init",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "bin/wslinfo",
    "bin/wslpath",
    "sbin/mount.drvfs",
    "lost+found",
];

/// Paths relative to the root that are mount points.
#[derive(Debug, Default)]
pub struct Mounts(Vec<PathBuf>);

impl Mounts {
    /// The mounts below the directory `root`, as the kernel lists them.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn below(root: &Path) -> std::io::Result<Self> {
        let root = root.canonicalize()?;
        let list = std::fs::read("/proc/self/mountinfo")?;
        Ok(Self::parse(&list, &root))
    }

    /// The mounts below `root` in a text of the form of `/proc/self/mountinfo`.
    #[must_use]
    pub fn parse(list: &[u8], root: &Path) -> Self {
        let points = list.split(|&byte| byte == b'\n').filter_map(|line| {
            let field = line.split(|&byte| byte == b' ').nth(4)?;
            let path = PathBuf::from(std::ffi::OsString::from_vec(unescape(field)));
            let below = path.strip_prefix(root).ok()?;
            (!below.as_os_str().is_empty()).then(|| below.to_owned())
        });
        Self(points.collect())
    }

    /// Whether `path`, which has plain names alone, is a mount point or below one.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        let mut rests = self.0.iter().filter_map(|point| path.strip_prefix(point.as_os_str().as_bytes()));
        rests.any(|rest| rest.first().is_none_or(|&byte| byte == b'/'))
    }
}

/// Whether WSL writes `path` itself, which has plain names alone.
#[must_use]
pub fn is_wsls(path: &Path) -> bool {
    OF_WSL.iter().any(|own| path.as_os_str() == *own)
}

/// Blanks and the like are three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| OsStr::from_bytes(digits).to_str());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_mount_points_below_the_root() {
        let list = b"22 1 254:0 / / rw - ext4 /dev/vda rw\n\
            30 22 0:5 / /mnt/c rw - 9p C: rw\n\
            31 22 0:5 / /a\\040b rw - tmpfs t rw\n";
        let mounts = Mounts::parse(list, Path::new("/"));
        for path in ["mnt/c", "mnt/c/x", "a b/c"] {
            assert!(mounts.covers(Path::new(path)), "{path}");
        }
        for path in ["", "mnt", "mnt/cd", "a"] {
            assert!(!mounts.covers(Path::new(path)), "{path}");
        }
        assert!(Mounts::parse(list, Path::new("/mnt")).covers(Path::new("c/x")));
    }
}
