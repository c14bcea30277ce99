//! Every block of Nix parses. Whether it evaluates is decided where there is a nixpkgs: checks/modules/docs.nix.

use std::fs;
use std::process::Command;

use crate::page::{Page, pages};

/// Blocks of Nix that Nix does not read: a whole file, or settings as they stand within one.
fn faults(pages: &[Page]) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut files = Vec::new();
    for block in pages.iter().flat_map(Page::blocks).filter(|block| block.has("nix")) {
        let file = directory.path().join(format!("{}.nix", files.len()));
        let whole = block.text.trim_start().starts_with(['{', '[']) && !block.has("settings");
        let text = if whole {
            block.text.clone()
        } else {
            format!("{{ config, lib, pkgs, ... }}: {{\n{}\n}}", block.text)
        };
        fs::write(&file, text).expect("a file");
        files.push((file, block.place));
    }
    let parsed = |file: &std::path::Path| {
        let mut command = Command::new("nix-instantiate");
        let output =
            command.args(["--store", "dummy://", "--parse"]).arg(file).output().expect("nix-instantiate");
        if output.status.success() {
            None
        } else {
            Some(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    let wrong = files.iter().filter_map(|(file, place)| Some(format!("{place}: {}", parsed(file)?)));
    let wrong = wrong.collect();
    (files.len(), wrong)
}

#[test]
fn every_block_parses() {
    let (blocks, faults) = faults(&pages());
    assert!(blocks >= 20, "{blocks} blocks");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_block_that_does_not_parse_is_named() {
    let text =
        "```nix\nwsl.enable = true;\n```\n\n```nix\nwsl.enable = true\n```\n\n```nix\n{ a = 1; }\n```\n";
    let (blocks, faults) = faults(&[Page { name: "p.md".into(), text: text.into() }]);
    assert_eq!((blocks, faults.len()), (3, 1), "{faults:?}");
    assert!(faults[0].starts_with("p.md:5: ") && faults[0].contains("syntax error"), "{faults:?}");
}
