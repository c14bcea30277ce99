//! Nix itself takes the image's store for its own: contents, database and garbage-collector roots.

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::standin::{Standin, run};

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn verify_finds_nothing() {
    let root = Standin::find().extracted();
    let output = run(nix_store(root.path()).args(["--verify", "--check-contents"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !["error", "warning", "modified", "disappeared"].iter().any(|word| said.contains(word)),
        "{said}"
    );
    assert!(said.contains("checking"), "Nix checked nothing: {said}");

    // Nix does look: a changed byte is found.
    let toplevel = fs::read_link(root.path().join("nix/var/nix/profiles/system-1-link")).unwrap();
    let file = root.path().join(toplevel.strip_prefix("/").unwrap()).join("nixos-version");
    fs::write(&file, "changed").unwrap();
    let output = nix_store(root.path()).args(["--verify", "--check-contents"]).output().unwrap();
    assert!(!output.status.success(), "a changed file was not found");
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn the_database_is_what_nix_would_load() {
    let standin = Standin::find();
    let root = standin.extracted();
    let ours = dump(root.path());

    let empty = tempfile::tempdir().unwrap();
    let mut registration = String::new();
    for info in standin.closure() {
        let references: Vec<&str> =
            info["references"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        writeln!(
            registration,
            "{}\n{}\n{}\n\n{}",
            info["path"].as_str().unwrap(),
            info["narHash"].as_str().unwrap(),
            info["narSize"],
            references.len()
        )
        .unwrap();
        for reference in references {
            writeln!(registration, "{reference}").unwrap();
        }
    }
    let mut load = nix_store(empty.path()).arg("--load-db").stdin(Stdio::piped()).spawn().unwrap();
    load.stdin.take().unwrap().write_all(registration.as_bytes()).unwrap();
    assert!(load.wait().unwrap().success());

    assert_eq!(ours, dump(empty.path()));
    assert_eq!(ours.lines().filter(|line| line.starts_with("/nix/store/")).count(), {
        let references = |info: &serde_json::Value| info["references"].as_array().unwrap().len();
        standin.closure().iter().map(|info| 1 + references(info)).sum::<usize>()
    });
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn no_garbage_but_what_no_profile_needs() {
    let root = Standin::find().extracted();
    assert_eq!(dead(root.path()), "");

    // It is the profile that keeps the system.
    fs::remove_file(root.path().join("nix/var/nix/profiles/system-1-link")).unwrap();
    assert!(dead(root.path()).contains("-nixos-system-standin-"), "nothing is garbage without the profile");
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn the_derivation_builds_again_in_the_sandbox() {
    let namespace = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output().unwrap();
    if !namespace.status.success() {
        println!(
            "SKIP the_derivation_builds_again_in_the_sandbox: no user namespaces here, which the sandbox needs"
        );
        return;
    }
    let image = Standin::find().image;
    let out: PathBuf = image.iter().take(4).collect();
    let found = run(Command::new("nix-store").args(["--query", "--deriver"]).arg(&out));
    let derivation = String::from_utf8(found.stdout).unwrap();
    // --check compares the bytes with those of the first build.
    run(Command::new("nix-store")
        .args(["--realise", "--check", "--option", "sandbox", "true", "--option", "build-users-group", ""])
        .arg(derivation.trim()));
}

fn dead(root: &Path) -> String {
    let output = run(nix_store(root).args(["--gc", "--print-dead"]));
    String::from_utf8(output.stdout).unwrap()
}

fn dump(root: &Path) -> String {
    let output = run(nix_store(root).arg("--dump-db"));
    String::from_utf8(output.stdout).unwrap()
}

fn nix_store(root: &Path) -> Command {
    let mut command = Command::new("nix-store");
    command.arg("--store").arg(root).env("HOME", "/nonexistent");
    command
}
