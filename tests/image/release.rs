//! A release's folder: every file has its sum, the texts say what is in the images, and the same input gives the same bytes.

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cyclonedx_bom::prelude::{Bom, Validate};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::sim::bundled;
use crate::support::standin::{Standin, run};
use crate::validate::member;

/// The release that the stand-in's Nix has built.
fn built() -> PathBuf {
    bundled("release")
}

/// The only file of a release whose name ends so.
fn one(release: &Path, end: &str) -> PathBuf {
    let mut found: Vec<_> = names(release).into_iter().filter(|name| name.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    release.join(found.remove(0))
}

pub fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The names in `SHA256SUMS`, after `sha256sum` has found each sum right.
pub fn checked(release: &Path) -> BTreeSet<String> {
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(release));
    let sums = fs::read_to_string(release.join("SHA256SUMS")).unwrap();
    sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
}

#[test]
#[ignore = "needs the stand-in's release: checks/run gives it"]
fn every_file_has_its_sum() {
    let mut expected = checked(&built());
    assert_eq!(expected.len(), 6, "{expected:?}");
    expected.insert("SHA256SUMS".into());
    assert_eq!(names(&built()), expected);
}

#[test]
#[ignore = "needs the stand-in's release: checks/run gives it"]
fn the_bill_names_every_store_path_and_what_it_needs() {
    let bill = File::open(one(&built(), ".cdx.json")).unwrap();
    let bom = Bom::parse_from_json(bill).unwrap();
    assert!(bom.validate().passed());
    let standin = Standin::find();
    let closure: BTreeMap<&str, &Value> =
        standin.closure().iter().map(|info| (info["path"].as_str().unwrap(), info)).collect();
    let components = bom.components.unwrap().0;
    let named: BTreeSet<&str> = components.iter().map(|part| part.bom_ref.as_deref().unwrap()).collect();
    assert_eq!(named, closure.keys().copied().collect());
    let systemd = components.iter().find(|part| part.name.to_string() == "systemd");
    assert!(systemd.is_some(), "no component is called systemd");

    let mut dependencies = bom.dependencies.unwrap().0.into_iter();
    let system = dependencies.next().unwrap();
    assert_eq!(system.dependency_ref, "system");
    assert!(system.dependencies.iter().any(|path| path.contains("-nixos-system-standin-")), "{system:?}");
    for dependency in dependencies {
        let path = dependency.dependency_ref;
        let references = closure[path.as_str()]["references"].as_array().unwrap().iter();
        let others: BTreeSet<_> =
            references.map(|value| value.as_str().unwrap()).filter(|other| *other != path).collect();
        assert_eq!(
            dependency.dependencies.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            others,
            "{path}"
        );
    }
}

#[test]
#[ignore = "needs the stand-in's release: checks/run gives it"]
fn the_provenance_is_what_nix_says() {
    let statement = json_of(&one(&built(), ".provenance.json"));
    let command = ["--extra-experimental-features", "nix-command", "path-info", "--recursive", "--json"];
    let found =
        run(Command::new("nix").args(command).arg(bundled("toplevels/first").canonicalize().unwrap()));
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    // A list before Nix 2.19, an object since.
    let infos: BTreeMap<String, Value> = match found {
        Value::Array(list) => {
            list.into_iter().map(|info| (info["path"].as_str().unwrap().to_owned(), info)).collect()
        }
        Value::Object(map) => map.into_iter().collect(),
        other => panic!("{other}"),
    };
    let paths = statement["pathInfo"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), infos.keys().collect::<Vec<_>>());
    for (path, info) in paths {
        for field in ["narHash", "narSize", "references"] {
            assert_eq!(info[field], infos[path][field], "{path}: {field}");
        }
    }
    assert_eq!(
        statement["flakeLock"],
        json_of(Path::new(env!("CARGO_MANIFEST_DIR")).join("flake.lock").as_path())
    );
}

#[test]
#[ignore = "needs the stand-in's release: checks/run gives it"]
fn the_disk_and_the_programs_are_those_of_the_build() {
    let disk = zstd::stream::decode_all(File::open(one(&built(), ".vhdx.zst")).unwrap()).unwrap();
    assert!(disk == fs::read(bundled("image.vhdx")).unwrap(), "another disk");

    let folder = TempDir::new().unwrap();
    run(Command::new("bsdtar")
        .arg("-xpf")
        .arg(one(&built(), "-tools-x86_64.tar.gz"))
        .arg("-C")
        .arg(folder.path()));
    let programs = folder.path().join("nixos-wsl-tools/bin");
    assert_eq!(names(&programs).len(), 6, "{:?}", names(&programs));
    let version = run(Command::new(programs.join("nixos-wsl")).arg("--version"));
    assert!(String::from_utf8(version.stdout).unwrap().contains(env!("CARGO_PKG_VERSION")));
}

/// The two commands of the notes, as they stand there: the first made `result`, which is the stand-in's; the second compares it
/// with a download, and says so where another file was published.
#[test]
#[ignore = "needs the stand-in's release: checks/run gives it"]
fn the_notes_commands_compare_a_rebuild_with_a_download() {
    let folder = TempDir::new().unwrap();
    let download = folder.path().join("download");
    fs::create_dir(&download).unwrap();
    let sums = fs::read_to_string(built().join("SHA256SUMS")).unwrap();
    // What is published has the other machine's files too.
    let other = format!("{}  nixos-wsl-other.wsl\n", "0".repeat(64));
    std::os::unix::fs::symlink(built(), folder.path().join("result")).unwrap();
    let notes = fs::read_to_string(built().join("RELEASE.md")).unwrap();
    let commands: Vec<&str> = notes.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let [build, compare] = commands[..] else { panic!("{commands:?}") };
    assert_eq!(build, "nix build .#release");
    let compare = compare.replace("FOLDER", download.to_str().unwrap());
    let compared = |sums: &str| {
        fs::write(download.join("SHA256SUMS"), sums).unwrap();
        Command::new("sh").args(["-c", &compare]).current_dir(folder.path()).output().unwrap()
    };
    let same = compared(&(sums.clone() + &other));
    let said = String::from_utf8(same.stdout).unwrap();
    assert!(same.status.success() && said.lines().count() == sums.lines().count(), "{said}");
    assert!(said.lines().all(|line| line.ends_with(": OK")), "{said}");
    let (first, rest) = sums.split_once("  ").unwrap();
    let other: String = first.chars().rev().collect();
    let differs = compared(&format!("{other}  {rest}"));
    assert!(!differs.status.success(), "{differs:?}");
    assert!(String::from_utf8(differs.stdout).unwrap().contains(": FAILED"));
}

/// An image with a name and a program for a machine, as a list needs it.
pub fn offered_image(folder: &Path, machine: &str) -> PathBuf {
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    if machine == "aarch64" {
        program[18] = 0xb7;
    }
    let members = [
        member::file("bin/sh", 0o755, program),
        member::file("etc/os-release", 0o644, "PRETTY_NAME=\"NixOS 26.05\"\n"),
        member::file("etc/wsl-distribution.conf", 0o644, "[oobe]\ndefaultName = NixOS\n"),
    ];
    let image = folder.join(format!("offered-{machine}.tar.gz"));
    let mut encoder = GzEncoder::new(File::create(&image).unwrap(), Compression::fast());
    encoder.write_all(&member::archive(&members)).unwrap();
    encoder.finish().unwrap();
    image
}

/// A release by hand, of files that only look like images.
struct Input {
    folder: TempDir,
    attributes: Value,
}

impl Input {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let path = "/nix/store/00000000000000000000000000000000-hello-2.12";
        let attributes = json!({
            "version": "0.1.0",
            "machine": "x86_64",
            "images": [
                { "name": "a.wsl", "path": file("image", "image") },
                { "name": "a.vhdx.zst", "path": file("disk", &"disk".repeat(1 << 20)), "compress": true },
            ],
            "programs": [file("two", "2"), file("one", "1")],
            "lock": file("flake.lock", "{\"version\": 7}"),
            "revision": "0123abc",
            "changelog": file("CHANGELOG.md", "# Changes\n\n## 0.2.0\n\nlater\n\n## 0.1.0 - 2026-12-01\n\nfirst\n"),
            "closure": [{
                "path": path,
                "narHash": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "narSize": 8,
                "references": [path],
            }],
        });
        Self { folder, attributes }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn write(&self, out: &Path, cores: &str) -> Output {
        let attributes = self.folder.path().join("attrs.json");
        fs::write(&attributes, self.attributes.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
        command.args(["release", "--cores", cores, "--attrs"]).arg(attributes).arg("--out").arg(out);
        command.output().unwrap()
    }

    /// What the writer says of an input that cannot be; nothing is left.
    fn refusal(&self) -> String {
        let output = self.write(&self.out(), "1");
        assert!(!output.status.success(), "{}", self.attributes);
        assert!(!self.out().exists(), "something is left");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_cores() {
    let input = Input::new();
    let other = input.folder.path().join("other");
    for (out, cores) in [(input.out(), "1"), (other.clone(), "3")] {
        let output = input.write(&out, cores);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let files = checked(&input.out());
    assert_eq!(names(&input.out()), names(&other));
    for name in files {
        assert!(fs::read(input.out().join(&name)).unwrap() == fs::read(other.join(&name)).unwrap(), "{name}");
    }
    let notes = fs::read_to_string(input.out().join("RELEASE.md")).unwrap();
    assert!(notes.starts_with("# NixOS on WSL 0.1.0\n\nfirst\n\n## The files\n"), "{notes}");
    assert!(notes.contains("in a checkout of 0123abc"), "{notes}");
}

#[test]
fn a_release_whose_address_is_known_has_its_list() {
    let mut input = Input::new();
    input.attributes["images"][0]["path"] = json!(offered_image(input.folder.path(), "x86_64"));
    input.attributes["url"] = json!("https://example.com/v0.1.0/");
    let output = input.write(&input.out(), "1");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(checked(&input.out()).contains("manifest.json"));
    let list = json_of(&input.out().join("manifest.json"));
    let version = &list["ModernDistributions"]["NixOS"][0];
    assert_eq!(version["Amd64Url"]["Url"], "https://example.com/v0.1.0/a.wsl");
    let sums = fs::read_to_string(input.out().join("SHA256SUMS")).unwrap();
    let sum = version["Amd64Url"]["Sha256"].as_str().unwrap();
    assert!(sums.contains(&format!("{sum}  a.wsl\n")), "{sums}");

    fs::remove_dir_all(input.out()).unwrap();
    input.attributes["url"] = json!("here");
    assert!(input.refusal().contains("an address begins with"));
    input.attributes["url"] = json!("https://h");
    input.attributes["images"][1]["name"] = json!("manifest.json");
    assert!(input.refusal().contains("two files of the release are called \"manifest.json\""));
    input.attributes["images"][1]["name"] = json!("a.vhdx.zst");
    input.attributes["images"][0]["path"] = json!(input.folder.path().join("disk"));
    assert!(input.refusal().contains("a.wsl: is "));
}

#[test]
fn a_release_that_cannot_be_leaves_nothing() {
    let with = |pointer: &str, value: Value| {
        let mut input = Input::new();
        *input.attributes.pointer_mut(pointer).unwrap() = value;
        input.refusal()
    };
    assert!(with("/images/0/path", json!("/no/such/image")).contains("cannot read /no/such/image"));
    assert!(with("/images/1/path", json!("/no/such/disk")).contains("cannot read /no/such/disk"));
    let own =
        ["nixos-wsl-tools-x86_64.tar.gz", "nixos-wsl-x86_64.cdx.json", "nixos-wsl-x86_64.provenance.json"];
    for name in ["a.vhdx.zst", "RELEASE.md", "SHA256SUMS"].into_iter().chain(own) {
        let mut input = Input::new();
        input.attributes["images"][0]["name"] = json!(name);
        let message = input.refusal();
        assert!(message.contains(&format!("two files of the release are called {name:?}")), "{message}");
        // A link to it would have been written through.
        assert_eq!(fs::read_to_string(input.folder.path().join("image")).unwrap(), "image", "{name}");
    }
    for name in ["../a.wsl", "a b.wsl", "a\n.wsl", ".a", ""] {
        assert!(with("/images/0/name", json!(name)).contains("is no plain file name"), "{name:?}");
    }
    assert!(with("/programs/0", json!("/no/such/program")).contains("cannot read /no/such/program"));
    assert!(with("/version", json!("0.3.0")).contains("neither \"0.3.0\" nor \"Unreleased\""));
    assert!(with("/lock", json!("/dev/null")).contains("/dev/null is not as expected"));
    assert!(with("/closure/0/narHash", json!("md5:0")).contains("is no SHA-256"));
    assert!(with("/closure", json!(1)).contains("attrs.json is not as expected"));

    let input = Input::new();
    fs::create_dir(input.out()).unwrap();
    fs::write(input.out().join("somebody's"), "").unwrap();
    let output = input.write(&input.out(), "1");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot make"));
    assert_eq!(names(&input.out()).len(), 1);
}
