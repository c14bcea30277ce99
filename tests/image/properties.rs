//! Random trees through the writer and back by two extractors.

#![allow(clippy::unwrap_used)] // a failed test is its own report

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::image::{Item, Kind, Store, extract, file, name, skip_without_root};
use proptest::prelude::*;

/// What is made at a path.
#[derive(Clone, Debug)]
pub enum Made {
    Directory,
    File(Vec<u8>, bool),
    Link(Vec<u8>),
}

pub fn component() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c.+ -]{1,3}".prop_map(String::into_bytes),
        1 => prop::collection::vec(1_u8.., 1..255),
        1 => "[a-zäß😀]{60}".prop_map(String::into_bytes),
        1 => "x{250,255}".prop_map(String::into_bytes),
    ]
    .prop_map(|mut bytes| {
        bytes.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
        bytes.truncate(255);
        bytes
    })
    .prop_filter("no name", |bytes| !matches!(bytes.as_slice(), b"." | b".." | b""))
}

pub fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        Just(Made::Directory),
        (prop::collection::vec(any::<u8>(), 0..2000), any::<bool>())
            .prop_map(|(bytes, run)| Made::File(bytes, run)),
        prop::collection::vec(1_u8.., 1..300).prop_map(Made::Link),
    ]
}

/// Makes what fits and leaves out what stands below a file or link.
pub fn make(root: &Path, wanted: BTreeMap<Vec<Vec<u8>>, Made>) -> BTreeMap<PathBuf, Made> {
    let mut present = BTreeMap::new();
    fs::create_dir(root).unwrap();
    for (path, made) in wanted {
        let relative: PathBuf = path.iter().map(|component| name(component)).collect();
        let target = root.join(&relative);
        if target.as_os_str().len() > 3000
            || target.ancestors().skip(1).any(|up| up.symlink_metadata().is_ok_and(|m| !m.is_dir()))
        {
            continue;
        }
        if target.symlink_metadata().is_ok() {
            continue;
        }
        match &made {
            Made::Directory => fs::create_dir_all(&target).unwrap(),
            Made::File(bytes, run) => file(&target, bytes, if *run { 0o755 } else { 0o644 }),
            Made::Link(bytes) => {
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(name(bytes), &target).unwrap();
            }
        }
        for parent in relative.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            present.entry(parent.to_owned()).or_insert(Made::Directory);
        }
        present.insert(relative, made);
    }
    present
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_come_back(
        wanted in prop::collection::btree_map(prop::collection::vec(component(), 1..6), made(), 0..25)
    ) {
        if skip_without_root("random_trees_come_back") {
            return Ok(());
        }
        let mut store = Store::new();
        let root = store.add("random");
        let present = make(&root, wanted);
        store.archive_bytes();
        for extractor in ["bsdtar in C", "GNU tar"] {
            let mut found = extract(&store.archive(), extractor);
            let installed = PathBuf::from(store.installed(0).trim_start_matches('/'));
            prop_assert!(found.remove(&installed).is_some());
            let found: BTreeMap<_, _> = found
                .into_iter()
                .filter_map(|(path, item)| path.strip_prefix(&installed).map(|path| (path.to_owned(), item)).ok())
                .collect();
            prop_assert_eq!(found.keys().collect::<Vec<_>>(), present.keys().collect::<Vec<_>>());
            for (path, item) in &found {
                prop_assert!(is_made(item, &present[path]), "{}: {:?} at {:?}", extractor, item, path);
            }
        }
    }
}

/// Whether what an extractor left is what was made, in the form that a store path has.
pub fn is_made(item: &Item, made: &Made) -> bool {
    let same = match (made, &item.kind) {
        (Made::Directory, Kind::Directory) => item.mode == 0o555,
        (Made::File(bytes, run), Kind::File(found)) => {
            bytes == found && item.mode == if *run { 0o555 } else { 0o444 }
        }
        (Made::Link(target), Kind::Symlink(found)) => found.as_os_str() == name(target),
        _ => false,
    };
    same && (item.uid, item.gid) == (0, 0)
}
