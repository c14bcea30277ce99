//! `nixos-wsl doctor` on roots with one fault each: it names the file, and says what to do.

mod certificates;
mod faults;
mod healthy;

use std::fs;
use std::path::Path;
use std::process::Command;

use self::healthy::{Healthy, WSL_CONF, kinds};
use crate::support::world::{program, stderr, stdout};

#[test]
fn programs_get_json() {
    let root = Healthy::new();
    let output = root.examine_as("json");
    assert_eq!(stdout(&output), "{\"facts\":null,\"findings\":[]}\n", "{output:?}");
    assert!(output.status.success());
    root.write("/etc/wsl.conf", &format!("{WSL_CONF}; a remark\n"));
    fs::remove_file(root.path("/bin/mount")).unwrap();
    let output = root.examine_as("json");
    assert_eq!(kinds(&output), ["wsl-path", "wsl-conf-line"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    for finding in report["findings"].as_array().unwrap() {
        for part in ["fault", "advice"] {
            let text = finding[part].as_str().unwrap();
            assert!(text.len() > 10 && !text.contains('\n'), "{finding}");
        }
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let output = Healthy::new().examine();
    assert_eq!(stdout(&output), "Nothing is wrong here that this program knows of.\n", "{output:?}");
    assert!(output.status.success() && stderr(&output).is_empty(), "{output:?}");
}

#[test]
fn a_terminal_alone_is_told_what_is_looked_at() {
    let root = Healthy::new();
    let line = format!(
        "stty columns 30; {} doctor --root {}",
        program("nixos-wsl").display(),
        root.0.path().display()
    );
    let mut script = Command::new("script");
    let output =
        script.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null()).output().unwrap();
    let shown = stdout(&output);
    // Each in the place of the one before, none wider than the terminal, and at last nothing.
    let steps: Vec<&str> = shown.split("\r\x1b[K").collect();
    assert_eq!(steps[1..3], ["looking at the distribution..", "looking at settings and users"], "{shown:?}");
    assert!(steps.last().unwrap().starts_with("Nothing is wrong here"), "{shown:?}");
    assert!(!stdout(&root.examine()).contains("looking"));
}

/// The kinds of findings, by their names in the program and in what it prints.
fn every_kind() -> Vec<(String, String)> {
    let source = read("src/command/finding.rs");
    let variants = source.split("pub enum FindingKind {").nth(1).unwrap().split("\n}").next().unwrap();
    let name = |line: &str| {
        let name = line.trim().strip_suffix(',').filter(|name| !name.contains(' '))?;
        let mut kebab = String::new();
        for (index, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && index > 0 {
                kebab.push('-');
            }
            kebab.push(letter.to_ascii_lowercase());
        }
        Some((name.to_owned(), kebab))
    };
    variants.lines().filter_map(name).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The table's first column and what the program can find are the same.
#[test]
fn every_finding_has_a_row_in_the_documentation() {
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let documented: Vec<String> = read("docs/doctor.md").lines().filter_map(row).collect();
    let known: Vec<String> = every_kind().into_iter().map(|(_, name)| name).collect();
    assert_eq!(documented, known, "in the same order");
    assert!(read("docs/SUMMARY.md").contains("(doctor.md)"));
}

/// Those where it does not appear are the ones in which nothing at all is found.
#[test]
fn every_finding_has_a_test_in_which_it_appears() {
    let whole = [
        "tests/boot/doctor.rs",
        "tests/command/doctor/certificates.rs",
        "tests/command/doctor/faults.rs",
        "tests/namespace/left_behind.rs",
        "tests/sim/company.rs",
    ];
    let parts = ["cgroups", "clock"].map(|name| read(&format!("src/command/doctor/{name}.rs")));
    let parts = parts.iter().map(|text| text.split_once("mod tests {").unwrap().1.to_owned());
    let tests: String = whole.iter().map(|path| read(path)).chain(parts).collect();
    for (variant, name) in every_kind() {
        let ways = [format!("\"{name}\""), format!("[{name}]"), format!("FindingKind::{variant}]")];
        assert!(ways.iter().any(|way| tests.contains(way)), "{name}");
    }
}

#[test]
fn a_root_of_anything_is_looked_at() {
    let empty = tempfile::tempdir().unwrap();
    for root in [empty.path(), Path::new("/nonexistent"), Path::new("/dev/null")] {
        let output =
            Command::new(program("nixos-wsl")).args(["doctor", "--root"]).arg(root).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).ends_with("things are not as they should be\n"), "{output:?}");
    }
    // A device, a binary file and a folder in the place of settings.
    let root = Healthy::new();
    root.link("/etc/wsl-distribution.conf", "/dev/zero");
    fs::write(root.path("/etc/wsl.conf"), [0, 159, 146, 150, 10]).unwrap();
    fs::remove_file(root.path("/etc/passwd")).unwrap();
    fs::create_dir(root.path("/etc/passwd")).unwrap();
    let output = root.examine();
    for part in ["/etc/wsl.conf", "/etc/wsl-distribution.conf", "/etc/passwd"] {
        assert!(stdout(&output).contains(part), "{output:?}");
    }
}
