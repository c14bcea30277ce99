//! `checks/ci`, which the workflows call, on small releases for two machines: files of one name, sums, faults. Nix, GitHub's
//! program and Windows' are scripts here that write down how they were called; the image tool is the real one.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::release::{checked, json_of, names, offered_image};

/// Where `checks/ci` runs: folders of releases, and programs that stand for those of other machines.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(machine.path("bin")).unwrap();
        machine.program("bin/gh", "echo \"gh $*\" >>calls");
        machine.program("bin/wsl.exe", "echo \"wsl.exe $*\" >>calls");
        let tool = env!("CARGO_BIN_EXE_nixos-wsl-image");
        let nix = format!(
            "case \"$1 $2 $3\" in\n'build .#release --no-link') readlink -f built ;;\n\
             'run .#nixos-wsl-image --') shift 3; exec {tool} \"$@\" ;;\n*) exit 9 ;;\nesac"
        );
        machine.program("bin/nix", &nix);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    /// A release as the derivation makes it, for one machine, of images that hold next to nothing.
    fn release(&self, machine: &str, folder: &str) -> PathBuf {
        let image = offered_image(self.folder.path(), machine);
        let text = |name: &str, text: &str| {
            fs::write(self.path(name), text).unwrap();
            self.path(name)
        };
        let images = ["nixos-wsl-@.wsl", "nixos-wsl-@.tar.gz", "nixos-wsl-installer-@.tar.gz"];
        let images = images.map(|name| json!({ "name": name.replace('@', machine), "path": image }));
        let path = "/nix/store/00000000000000000000000000000000-hello-2.12";
        let attributes = json!({
            "version": "0.1.0",
            "machine": machine,
            "images": images,
            "programs": [text("program", machine)],
            "lock": text("flake.lock", "{}"),
            "changelog": text("CHANGELOG.md", "# Changes\n\n## 0.1.0\n\nfirst\n"),
            "closure": [{
                "path": path,
                "narHash": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "narSize": 8,
                "references": [],
            }],
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
        command.args(["release", "--attrs"]).arg(text("attrs.json", &attributes.to_string()));
        let output = command.arg("--out").arg(self.path(folder)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.path(folder)
    }

    /// The same as it comes from another job: files, without links.
    fn downloaded(&self, machine: &str) -> PathBuf {
        let made = self.release(machine, &format!("made-{machine}"));
        let folder = self.path(&format!("release-{machine}"));
        let copied = Command::new("cp").args(["-rL"]).arg(made).arg(&folder).status().unwrap();
        assert!(copied.success());
        folder
    }

    fn ci(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/ci"));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) {
        let output = self.ci(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// What it says where it has to fail.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.ci(arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }
}

const URL: &str = "https://example.com/v0.1.0";
const COLLECT: [&str; 6] = ["collect", URL, "files", "release-x86_64", "release-aarch64", "acceptance"];

/// Both releases, and what the job on Windows leaves.
fn both() -> Machine {
    let machine = Machine::new();
    machine.downloaded("x86_64");
    machine.downloaded("aarch64");
    fs::create_dir(machine.path("acceptance")).unwrap();
    fs::write(machine.path("acceptance/nixos-wsl-accept.exe"), "exe").unwrap();
    fs::write(machine.path("acceptance/acceptance.html"), "report").unwrap();
    machine
}

#[test]
fn the_releases_of_two_machines_become_one_folder() {
    let machine = both();
    machine.ok(&COLLECT);
    let folder = machine.path("files");
    let mut expected: BTreeSet<String> =
        ["RELEASE.md", "acceptance.html", "manifest.json", "nixos-wsl-accept.exe"].map(Into::into).into();
    for kind in ["x86_64", "aarch64"] {
        let of = |name: &str| name.replace('@', kind);
        let each = ["@.wsl", "@.tar.gz", "installer-@.tar.gz", "tools-@.tar.gz", "@.cdx.json"];
        expected
            .extend(each.into_iter().chain(["@.provenance.json"]).map(|name| of("nixos-wsl-") + &of(name)));
    }
    assert_eq!(checked(&folder), expected, "each file has its sum");
    expected.insert("SHA256SUMS".into());
    assert_eq!(names(&folder), expected);

    let list: Value = json_of(&folder.join("manifest.json"));
    let version = &list["ModernDistributions"]["NixOS"][0];
    assert_eq!(version["Amd64Url"]["Url"], format!("{URL}/nixos-wsl-x86_64.wsl"));
    assert_eq!(version["Arm64Url"]["Url"], format!("{URL}/nixos-wsl-aarch64.wsl"));

    machine.ok(&["draft", "v0.1.0", "files"]);
    let calls = machine.calls();
    let (head, files) = calls.trim().split_once(" -- ").unwrap();
    assert_eq!(
        head,
        "gh release create v0.1.0 --verify-tag --draft --title 0.1.0 --notes-file files/RELEASE.md"
    );
    assert_eq!(files.split(' ').map(|file| file.replace("files/", "")).collect::<BTreeSet<_>>(), expected);
    assert!(machine.refusal(&["draft", "v0.2.0", "files"]).contains("the notes are those of version 0.1.0"));
    assert_eq!(machine.calls(), calls, "and nothing is published");
}

#[test]
fn folders_that_do_not_fit_become_no_release() {
    let machine = both();
    fs::write(machine.path("acceptance/nixos-wsl-x86_64.wsl"), "another").unwrap();
    let said = machine.refusal(&COLLECT);
    assert!(said.contains("acceptance/nixos-wsl-x86_64.wsl: there are two files of this name"), "{said}");

    let machine = both();
    let notes = machine.path("release-aarch64/RELEASE.md");
    fs::write(&notes, "# NixOS on WSL 0.1.0\n\nother changes\n").unwrap();
    let said = machine.refusal(&COLLECT);
    assert!(said.contains("RELEASE.md: FAILED"), "a file that is not what its sum says: {said}");
    let mut sums = Command::new("sh");
    sums.args(["-c", "sha256sum -- [!S]* >SHA256SUMS"]).current_dir(machine.path("release-aarch64"));
    assert!(sums.status().unwrap().success());
    fs::remove_dir_all(machine.path("files")).unwrap();
    let said = machine.refusal(&COLLECT);
    assert!(said.contains("release-aarch64/RELEASE.md: the notes differ"), "{said}");
    assert!(machine.refusal(&COLLECT).contains("File exists"), "nothing is mixed with what was there");
    assert!(machine.refusal(&["publish"]).contains("usage: checks/ci tests"));
}

/// The images here break Microsoft's rules: the job ends, and so it does where a sum is wrong.
#[test]
fn what_is_built_is_checked_and_judged() {
    let machine = Machine::new();
    let built = machine.release("x86_64", "built");
    let said = machine.refusal(&["build", "x86_64", "files"]);
    assert!(said.contains("nixos-wsl-x86_64.wsl: OK"), "{said}");
    assert!(said.contains("error"), "{said}");
    let copied = machine.path("files/nixos-wsl-x86_64.wsl");
    assert!(!copied.is_symlink() && File::open(copied).unwrap().metadata().unwrap().len() > 0);

    // Where they keep to the rules it goes on to the last of them.
    machine.program("bin/nix", "case $1 in build) readlink -f built ;; *) echo \"$*\" >>calls ;; esac");
    machine.ok(&["build", "x86_64", "judged"]);
    let judged: Vec<String> =
        ["nixos-wsl-x86_64.wsl", "nixos-wsl-x86_64.tar.gz", "nixos-wsl-installer-x86_64.tar.gz"]
            .map(|name| format!("run .#nixos-wsl-image -- validate judged/{name}"))
            .into();
    assert_eq!(machine.calls().lines().collect::<Vec<_>>(), judged);

    let sums = fs::read_to_string(built.join("SHA256SUMS")).unwrap();
    fs::write(built.join("SHA256SUMS"), sums.replacen(|c: char| c.is_ascii_digit(), "x", 1)).unwrap();
    machine.refusal(&["build", "x86_64", "wrong"]);
}

#[test]
fn the_suite_that_was_tested_is_the_one_that_runs_and_is_kept() {
    let machine = Machine::new();
    fs::create_dir(machine.path("suite")).unwrap();
    machine.program("suite/nixos-wsl-accept.exe", "echo \"suite $*\" >>calls; exit ${FAILED:-0}");
    let accept = ["accept", "suite/nixos-wsl-accept.exe", "files/a.wsl", "acceptance"];
    machine.ok(&accept);
    let calls = "wsl.exe --version\nsuite --limit 900 --format html --output acceptance/acceptance.html files/a.wsl\n";
    assert_eq!(machine.calls(), calls);
    let suite = |name: &str| fs::read(machine.path(name)).unwrap();
    assert_eq!(suite("acceptance/nixos-wsl-accept.exe"), suite("suite/nixos-wsl-accept.exe"));

    // A case that failed ends the job.
    machine.program("suite/nixos-wsl-accept.exe", "exit 1");
    fs::remove_dir_all(machine.path("acceptance")).unwrap();
    machine.refusal(&accept);
}
