//! Did a start write into `/nix/store`? WSL truncates files in `/etc` through symbolic links and says nothing (W§4.4).
//!
//! What a start may reach through links is compared byte for byte. Of the rest of the store, type, mode, size and
//! modification time are compared, at 20 microseconds a file; `WSL_SIM_STORE_HASH=full` reads everything, `none` nothing.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sim::guest::report::StartReport;
use crate::sim::wire::start::StoreComparison;

/// What WSL writes to in a distribution.
pub const WRITTEN: [&str; 8] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ld.so.conf.d/ld.wsl.conf",
    "/etc/wsl.conf",
    "/init",
];

/// Those of them that WSL deletes and makes again (W§4.4): a link there is replaced, never followed.
const REPLACED: [&str; 2] = ["/etc/localtime", "/etc/resolv.conf"];

/// The store's state at some time.
pub struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(PartialEq, Eq)]
struct Entry {
    mode: u32,
    size: u64,
    modified: (i64, i64),
    contents: Option<u64>,
}

impl Snapshot {
    /// Looks at the store of a root directory.
    #[must_use]
    pub fn take(root: &Path, comparison: StoreComparison) -> Self {
        if comparison == StoreComparison::Nothing {
            return Self { entries: BTreeMap::new() };
        }
        let full = comparison == StoreComparison::Contents;
        let reached: Vec<_> = WRITTEN.iter().filter_map(|path| written(root, path)).collect();
        let mut entries = BTreeMap::new();
        walk(&root.join("nix/store"), root, &mut |path, metadata| {
            let read = metadata.is_file() && (full || reached.iter().any(|reached| reached == path));
            entries.insert(
                path.to_path_buf(),
                Entry {
                    mode: metadata.mode(),
                    // A directory's times change with every path that is added, which is no fault.
                    size: if metadata.is_dir() { 0 } else { metadata.size() },
                    modified: if metadata.is_dir() {
                        (0, 0)
                    } else {
                        (metadata.mtime(), metadata.mtime_nsec())
                    },
                    contents: read.then(|| digest(&root.join(path)).ok()).flatten(),
                },
            );
        });
        Self { entries }
    }

    /// The entries of this snapshot that a later one has changed or lost; new ones are nobody's fault.
    #[must_use]
    pub fn changed(&self, later: &Self) -> Vec<&Path> {
        let changed = self.entries.iter().filter(|(path, entry)| {
            later.entries.get(*path).is_none_or(|now| {
                (now.mode, now.size, now.modified) != (entry.mode, entry.size, entry.modified)
                    || (now.contents.is_some() && entry.contents.is_some() && now.contents != entry.contents)
            })
        });
        changed.map(|(path, _)| path.as_path()).collect()
    }

    /// How many entries were looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Which of the files that WSL writes to lie in the store, through links: a hazard even if this start spared them.
#[must_use]
pub fn paths_linked_into(root: &Path) -> Vec<(&'static str, PathBuf)> {
    WRITTEN
        .iter()
        .filter_map(|path| {
            let target = written(root, path)?;
            target.starts_with("nix/store").then_some((*path, target))
        })
        .collect()
}

/// Looks at the store once more, from inside, and reports what the start has changed and what it may change.
pub fn report_changes(before: &Snapshot, comparison: StoreComparison, report: &mut StartReport) {
    if before.is_empty() {
        return;
    }
    let after = Snapshot::take(Path::new("/"), comparison);
    for path in before.changed(&after).into_iter().take(10) {
        report.add(&format!("/{} in the store was changed by this start", path.display()));
    }
    for (path, target) in paths_linked_into(Path::new("/")) {
        report.add(&format!("{path} leads into the store (/{}): WSL may write through it", target.display()));
    }
}

/// Where a write of WSL's to one of its files ends up.
fn written(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if REPLACED.iter().any(|replaced| path == Path::new(replaced)) => {
            Some(resolve(root, folder)?.join(name))
        }
        _ => resolve(root, path),
    }
}

/// Where a path leads in a root, without the leading slash. The last component need not exist.
fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut remaining: Vec<_> = components(path);
    let mut resolved = PathBuf::new();
    let mut links = 0;
    while let Some(name) = remaining.pop() {
        if name == ".." {
            resolved.pop();
            continue;
        }
        match fs::read_link(root.join(&resolved).join(&name)) {
            Ok(target) if links < 40 => {
                links += 1;
                if target.is_absolute() {
                    resolved = PathBuf::new();
                }
                remaining.extend(components(&target));
            }
            Ok(_) => return None,
            Err(_) => resolved.push(name),
        }
    }
    Some(resolved)
}

/// The names in a path, last one first.
fn components(path: &Path) -> Vec<std::ffi::OsString> {
    use std::path::Component;
    let names = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).rev().collect()
}

fn walk(directory: &Path, root: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        // Nix's own directory of hard links repeats every file.
        if entry.file_name() == ".links" {
            continue;
        }
        let path = entry.path();
        if let (Ok(metadata), Ok(inside)) = (entry.metadata(), path.strip_prefix(root)) {
            visit(inside, &metadata);
            if metadata.is_dir() {
                walk(&path, root, visit);
            }
        }
    }
}

fn digest(path: &Path) -> io::Result<u64> {
    let mut file = fs::File::open(path)?;
    // Nobody chooses contents to collide here; SipHash finds an accident.
    let mut hasher = DefaultHasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            count => hasher.write(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_is_written_through_a_link_is_a_hazard() -> io::Result<()> {
        let root = tempfile::tempdir()?;
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("nix/store/tzdata"))?;
        fs::create_dir_all(path("usr/share"))?;
        fs::create_dir(path("etc"))?;
        symlink("/nix/store/tzdata", path("usr/share/zoneinfo"))?;
        symlink("/usr/share/zoneinfo/UTC", path("etc/localtime"))?;
        symlink("/nix/store/resolv.conf", path("etc/resolv.conf"))?;
        symlink("/nix/store/hosts", path("etc/hosts"))?;
        assert_eq!(paths_linked_into(root.path()), [("/etc/hosts", "nix/store/hosts".into())]);
        // A folder in the store is one for every file.
        fs::remove_dir_all(path("etc"))?;
        symlink("/nix/store/etc", path("etc"))?;
        assert!(
            paths_linked_into(root.path()).contains(&("/etc/localtime", "nix/store/etc/localtime".into()))
        );
        Ok(())
    }

    #[test]
    fn contents_are_compared_where_that_is_wanted_and_nothing_where_not() -> io::Result<()> {
        let root = tempfile::tempdir()?;
        let file = root.path().join("nix/store/path");
        fs::create_dir_all(root.path().join("nix/store"))?;
        fs::write(&file, "one")?;
        let modified = fs::metadata(&file)?.modified()?;
        let look = |comparison| Snapshot::take(root.path(), comparison);
        let comparisons = [StoreComparison::Nothing, StoreComparison::Metadata, StoreComparison::Contents];
        let before = comparisons.map(look);
        assert!(before[0].is_empty());
        fs::write(&file, "two")?;
        fs::File::options().write(true).open(&file)?.set_modified(modified)?;
        let after = comparisons.map(look);
        assert_eq!(before[1].changed(&after[1]), [""; 0].map(Path::new));
        assert_eq!(before[2].changed(&after[2]), [Path::new("nix/store/path")]);
        Ok(())
    }
}
