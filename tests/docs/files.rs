//! Files of this repository that the documentation names exist.

use crate::page::{Page, pages, project, words};

/// Folders of the repository that pages point into.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "checks/", "modules/", "nix/", "docs/", "templates/", "assets/"];

/// Paths in other repositories: WSL's.
const OTHERS: [&str; 1] = ["src/linux/init"];

fn missing_files(page: &Page) -> Vec<String> {
    let mut missing = Vec::new();
    for (place, text) in page.code() {
        for word in words(&text) {
            let name = word.trim_end_matches(['.', ':', '…']);
            let ours = FOLDERS.iter().any(|folder| name.starts_with(folder)) && !OTHERS.contains(&name);
            // Placeholders are written in capital letters, or with signs.
            let plain = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "/._-".contains(letter)
            };
            if ours && name.chars().all(plain) && !project().join(name).exists() {
                missing.push(format!("{place}: there is no {name}"));
            }
        }
    }
    missing
}

#[test]
fn every_file_named_exists() {
    let missing: Vec<String> = pages().iter().flat_map(missing_files).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let text = "`src/lib.rs`, `tests/TARGET/x`, `nix/root.nix` and `src/nowhere.rs`";
    let page = Page { name: "p.md".into(), text: text.into() };
    assert_eq!(missing_files(&page), ["p.md:1: there is no src/nowhere.rs"]);
}
