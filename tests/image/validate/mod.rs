//! `nixos-wsl-image validate` on a corpus of good and broken archives; `expected.txt` has what it says of each.

mod corpus;
mod disk;
pub mod member;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use member::{archive, file, without_end};

fn validate(arguments: &[&str], archive: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
    command.arg("validate").args(arguments).arg(archive).output().unwrap()
}

/// What is said of every archive, as `expected.txt` has it: the name, and its findings.
fn found(folder: &Path) -> String {
    let mut all = String::new();
    for (name, _) in corpus::files() {
        let output = validate(&[], &folder.join(name.replace('/', "-")));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        let errors = text.lines().any(|line| line.starts_with("error: "));
        assert_eq!(output.status.code(), Some(i32::from(errors)), "{name}: {text}");
        writeln!(all, "{name}").unwrap();
        for line in text.lines() {
            writeln!(all, "    {line}").unwrap();
        }
    }
    all
}

#[test]
fn every_archive_of_the_corpus_is_judged_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    corpus::write(folder.path());
    // For Microsoft's own program, which is held against this by hand (docs/testing.md).
    if let Some(kept) = std::env::var_os("NIXOS_WSL_CORPUS") {
        corpus::write(Path::new(&kept));
    }
    let found = found(folder.path());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image/validate/expected.txt");
    if std::env::var_os("NIXOS_WSL_EXPECT").is_some() {
        fs::write(&file, &found).unwrap();
    }
    let expected = fs::read_to_string(file).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// The rules of which the extractor ends with an error, on any file system.
const FATAL: [&str; 8] =
    ["archive", "hard-link", "leads-out", "long-name", "no-name", "occupied", "through-file", "through-link"];

/// WSL's extractor refuses the archives that are said to be refused, and no other.
#[test]
fn bsdtar_refuses_what_is_said_to_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    corpus::write(folder.path());
    let mut wrong = Vec::new();
    for (name, _) in corpus::files() {
        // Which attributes there are is the file system's; the others are not judged.
        if ["attributes/no-name-space", "attributes/selinux", "file/bzip2", "file/vhdx"].contains(&name) {
            continue;
        }
        let archive = folder.path().join(name.replace('/', "-"));
        let report = validate(&["--format", "json", "--rules", "import"], &archive);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let rules: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] == "error")
            .map(|finding| finding["rule"].as_str().unwrap())
            .filter(|rule| FATAL.contains(rule))
            .collect();
        let root = tempfile::tempdir().unwrap();
        let output = Command::new("bsdtar")
            .env("LC_ALL", "C.UTF-8")
            .arg("-C")
            .arg(root.path())
            .args(["-x", "-p", "--xattrs", "--numeric-owner", "-f", "-"])
            .stdin(fs::File::open(&archive).unwrap())
            .output()
            .unwrap();
        if output.status.success() != rules.is_empty() {
            wrong.push(format!("{name}: {rules:?}, bsdtar: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Judges what `write` makes, with 192 MiB of memory and this exit code; the report.
fn in_little_memory(code: i32, write: impl FnOnce(&mut dyn std::io::Write)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("hostile.tar.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&archive).unwrap(), Compression::fast());
    write(&mut encoder);
    encoder.finish().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 196608; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_nixos-wsl-image"),
            "validate",
        ])
        .arg(&archive)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hostile_archives_cost_little_memory() {
    let zeros = vec![0; 1 << 20];
    // A member of 256 MiB that compresses to nothing, where a file of settings is expected.
    let large = in_little_memory(0, |out| {
        let mut head = file("./etc/passwd", 0o644, "");
        head.claimed = Some(256 << 20);
        out.write_all(&without_end(&[head])).unwrap();
        (0..256).for_each(|_| out.write_all(&zeros).unwrap());
        out.write_all(&archive(&corpus::good())).unwrap();
    });
    assert!(large.contains("/etc/passwd: is in the archive more than once"), "{large}");
    // A name, and a pax header, of 256 MiB.
    for kind in [tar::EntryType::GNULongName, tar::EntryType::XHeader] {
        let name = in_little_memory(1, |out| {
            let mut head = file("./x", 0o644, "");
            (head.kind, head.claimed) = (kind, Some(256 << 20));
            out.write_all(&without_end(&[head])).unwrap();
            (0..256).for_each(|_| out.write_all(&zeros).unwrap());
        });
        assert!(name.contains("an extended header of more than 1 MiB"), "{name}");
    }
    // Every member has a fault of its own.
    let faults = in_little_memory(1, |out| {
        for number in 0..50_000 {
            let name = format!("./../{number}");
            out.write_all(&without_end(&[file(&name, 0o644, "").attribute("colour", b"red")])).unwrap();
        }
    });
    assert!(faults.lines().count() < 100 && faults.contains("and 49980 more [leads-out]"), "{faults}");
}
