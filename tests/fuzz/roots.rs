//! Files of a root: the state of boots, the plan of `apply`, the installer's manifest.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nixos_wsl::apply::apply;
use nixos_wsl::boot::counting;
use nixos_wsl::boot::counting::state::BootState;
use nixos_wsl::system::generations::Generation;
use nixos_wsl::system::installer::Manifest;
use serde_json::Value;

use super::input::{empty_root, root_with};

/// `boot.json`, as it stands or as two places with the sequence numbers that the first line gives: what is read is changed and
/// read again, from any number on.
pub fn boot_json(data: &[u8]) {
    let root = root_with("/var/lib/nixos-wsl/boot.json", &places(data).unwrap_or_else(|| data.to_vec()));
    let (mut state, warning) = counting::load(&root);
    if let Some(warning) = warning {
        assert!(
            warning.starts_with("/var/lib/nixos-wsl/boot.json: ") && !warning.contains('\n'),
            "{warning}"
        );
        assert_eq!(state, BootState::default());
    }
    // More than a place takes is forgotten, the least important first.
    let is_small = serde_json::to_vec(&state).unwrap().len() < 8 << 10;
    let mut systems: Vec<PathBuf> = state.systems.keys().take(5).cloned().collect();
    systems.push("/nix/store/new".into());
    for system in &systems {
        let before = state.systems.get(system).map_or(0, |record| record.attempts);
        let changes: [fn(&mut BootState, &Path); 3] =
            [BootState::begin, |state, system| state.fail(system, "a reason"), BootState::take_back];
        for change in changes {
            state = counting::update(&root, |kept| {
                change(kept, system);
                kept.clone()
            })
            .unwrap();
            let (read, warning) = counting::load(&root);
            assert_eq!(warning, None);
            assert!(read == state || !is_small, "{read:?} instead of {state:?}");
        }
        assert!(state.systems[system].attempts > before || before == u32::MAX);
        assert_eq!(state.passed_over(system).is_some(), state.systems[system].passed_over().is_some());
    }
    let left = Generation { number: Some(1), toplevel: "/nix/store/new".into() };
    counting::update(&root, |state| state.prune(&[left])).unwrap();
    assert!(counting::load(&root).0.systems.len() <= 1);
}

/// Two places of a file, whole: the lines are "SEQUENCE SEQUENCE", the first state and the second.
fn places(data: &[u8]) -> Option<Vec<u8>> {
    let mut lines = data.split(|&byte| byte == b'\n').map(|line| std::str::from_utf8(line).ok());
    let (first, second) = lines.next()??.split_once(' ')?;
    let mut file = Vec::new();
    for (sequence, start, end) in [(first, b'[', b",\n"), (second, b' ', b"]\n")] {
        let sequence: u64 = sequence.parse().ok()?;
        let state = lines.next()??;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&sequence.to_le_bytes());
        hasher.update(state.as_bytes());
        let checksum = hasher.finalize();
        let mut place = vec![start];
        place.extend(
            format!(r#"{{"sequence":{sequence},"checksum":"{checksum:08x}","state":{state}}}"#).bytes(),
        );
        place.resize(place.len().max((16 << 10) - 2), b' ');
        place.extend_from_slice(end);
        file.extend(place);
    }
    Some(file)
}

/// `root.json`: a plan is carried out wholly or says which entry cannot be; doing it again changes nothing.
pub fn root_json(data: &[u8]) {
    let json: Value = serde_json::from_slice(data).unwrap_or_default();
    if !is_harmless(&json) {
        return;
    }
    let (folder, root) = empty_root();
    for (path, text) in
        [("/nix/store/a", "first"), ("/nix/store/b", ""), ("/bin/kept", "kept"), ("/etc/old", "old")]
    {
        fs::create_dir_all(root.path(path).parent().unwrap()).unwrap();
        fs::write(root.path(path), text).unwrap();
    }
    fs::write(root.path("/plan"), data).unwrap();
    let before = listing(folder.path());
    match apply(&root, Path::new("/plan")) {
        Ok(_) => {
            let once = listing(folder.path());
            for name in once.keys() {
                let left =
                    name.file_name().is_some_and(|name| name.to_string_lossy().contains(".nixos-wsl-"));
                assert!(!left, "{} is left", name.display());
            }
            for file in entries(&json, "/files") {
                let text = |key| file.get(key).and_then(Value::as_str).unwrap_or_default();
                assert_eq!(
                    fs::read(root.path(text("path"))).unwrap(),
                    fs::read(root.path(text("source"))).unwrap()
                );
            }
            apply(&root, Path::new("/plan")).unwrap();
            assert_eq!(listing(folder.path()), once, "doing it again has changed something");
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
    for kept in ["nix/store/a", "nix/store/b", "plan"] {
        let path = folder.path().join(kept);
        assert_eq!(listing(&path).get(&path), before.get(&path), "{kept}");
    }
}

fn entries<'a>(json: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    json.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The program writes with root's rights wherever a plan says. Here it must stay in the root it is given: no entry below
/// another, which may be a link, and no source but the root's own.
fn is_harmless(json: &Value) -> bool {
    let texts = |list: &str, key: &str| -> Vec<PathBuf> {
        entries(json, list).filter_map(|entry| Some(entry.get(key)?.as_str()?.into())).collect()
    };
    let targets: Vec<PathBuf> =
        ["/files", "/links", "/trees"].iter().flat_map(|list| texts(list, "path")).collect();
    let trees = entries(json, "/trees").flat_map(|tree| entries(tree, "/entries"));
    let mut sources = texts("/files", "source");
    sources.extend(trees.filter_map(|entry| Some(entry.get("source")?.as_str()?.into())));
    let apart = |a: &PathBuf, b: &PathBuf| !a.starts_with(b) && !b.starts_with(a);
    let own = ["/nix", "/plan", "/var/lib/nixos-wsl"].map(PathBuf::from);
    sources
        .iter()
        .all(|source| ["/nix/store/a", "/nix/store/b", "/missing"].iter().any(|own| source == Path::new(own)))
        && targets
            .iter()
            .enumerate()
            .all(|(at, target)| targets[at + 1..].iter().chain(&own).all(|other| apart(target, other)))
}

/// Every path with what tells whether it was touched.
fn listing(path: &Path) -> BTreeMap<PathBuf, (u32, u64, u64, i64)> {
    let mut all = BTreeMap::new();
    let Ok(found) = path.symlink_metadata() else { return all };
    // A folder's own time changes with a file that is made in it and removed.
    let (inode, time) = if found.is_dir() { (0, 0) } else { (found.ino(), found.mtime_nsec()) };
    let size = if found.is_dir() { 0 } else { found.len() };
    all.insert(path.to_owned(), (found.mode(), size, inode, time));
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            all.extend(listing(&entry.unwrap().path()));
        }
    }
    all
}

/// The installer's manifest.
pub fn manifest_json(data: &[u8]) {
    match Manifest::parse(data) {
        Ok(manifest) => {
            let again = Manifest::parse(&serde_json::to_vec(&manifest).unwrap());
            assert_eq!(again.as_ref(), Ok(&manifest));
        }
        Err(reason) => assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}"),
    }
}
