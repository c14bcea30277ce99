//! One place replaces files; what else renames is here, with the reason.

use std::collections::BTreeSet;

use crate::project;

/// Files that rename, and why that is no replacement of a file that others read.
const RENAMING: &[(&str, &str)] = &[
    ("command/oobe/mod.rs", "a new home becomes visible with its content, where there was none"),
    (
        "image/output.rs",
        "a build's output: tempfile has no name until it is whole, and nobody waits for a disk",
    ),
    ("sim/host/disk.rs", "--manage --move: a distribution's disk goes elsewhere"),
    (
        "sim/host/export.rs",
        "an export's unfinished name is in the registry, so that the next command deletes it",
    ),
    ("sim/host/registry.rs", "a distribution's folder gets the name that its image says"),
    ("sim/wire/removal.rs", "what is deleted is out of sight first"),
    ("system/replace/temporary.rs", "the one place"),
];

/// The program's text, without its tests.
fn program(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

#[test]
fn one_place_replaces_files() {
    let source = project().join("src");
    let mut found = BTreeSet::new();
    for entry in walkdir::WalkDir::new(&source) {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(&source).expect("below src").to_str().expect("a name");
        if entry.file_type().is_dir() || path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        if ["renameat", "fs::rename(", ".persist("].iter().any(|call| program(&text).contains(call)) {
            found.insert(path.to_owned());
        }
    }
    let known: BTreeSet<_> = RENAMING.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(found, known);
}
