//! A small store, its attributes, and the trees that extractors make of an archive.
#![allow(dead_code)] // each test uses its part

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A hash that no test looks into.
const NAR_HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A directory with a store and what the writer needs to know of it.
pub struct Store {
    pub folder: TempDir,
    names: Vec<String>,
    pub entries: Vec<Value>,
    pub profile: Option<String>,
}

impl Store {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        Self { folder, names: Vec::new(), entries: Vec::new(), profile: None }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Registers a store path and says where its content goes; the caller makes it.
    pub fn add(&mut self, name: &str) -> PathBuf {
        let name = format!("{:032}-{name}", self.names.len());
        self.names.push(name.clone());
        self.path().join(name)
    }

    /// The path of the store path with this number inside the image.
    pub fn installed(&self, number: usize) -> String {
        format!("/nix/store/{}", self.names[number])
    }

    /// What Nix would write to `$NIX_ATTRS_JSON_FILE`.
    pub fn attributes(&self) -> Value {
        let info = |name: &String| json!({ "path": format!("/nix/store/{name}"), "narHash": NAR_HASH, "narSize": 1000, "references": [] });
        json!({
            "outputs": { "out": self.folder.path().join("out") },
            "fileName": "test.tar.gz",
            "closure": self.names.iter().map(info).collect::<Vec<_>>(),
            "spec": { "version": 1, "profile": self.profile, "entries": self.entries },
        })
    }

    pub fn write_attributes(&self) -> PathBuf {
        let path = self.folder.path().join("attrs.json");
        fs::write(&path, self.attributes().to_string()).unwrap();
        path
    }

    /// The writer, ready to run; the archive goes to `out.tar.gz` in the folder.
    pub fn writer(&self) -> Command {
        self.command("tarball", &self.archive())
    }

    /// The writer of a disk of 8 GiB, ready to run.
    pub fn disk_writer(&self, out: &Path) -> Command {
        let mut command = self.command("vhdx", out);
        command.args(["--size", "8"]);
        command
    }

    fn command(&self, kind: &str, out: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
        command.args([kind, "--cores", "2", "--attrs"]).arg(self.write_attributes());
        command.arg("--store").arg(self.path()).arg("--out").arg(out);
        command
    }

    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("out.tar.gz")
    }

    /// Runs the writer, which must succeed, and gives the archive's bytes.
    pub fn archive_bytes(&self) -> Vec<u8> {
        succeed(&mut self.writer());
        fs::read(self.archive()).unwrap()
    }
}

/// Runs `command`, which must succeed without a word on stdout.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What an extractor left at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub kind: Kind,
    /// Permission bits; a link has none.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File(Vec<u8>),
    Symlink(PathBuf),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::File(bytes) => {
                write!(f, "file of {} bytes {:?}", bytes.len(), &bytes[..bytes.len().min(40)])
            }
            Self::Symlink(target) => write!(f, "link to {target:?}"),
        }
    }
}

pub type Tree = BTreeMap<PathBuf, Item>;

/// Everything below `root`, `root` itself as the empty path; times are checked on the way.
pub fn snapshot(root: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let (kind, mode) = if metadata.is_dir() {
            (Kind::Directory, metadata.mode() & 0o7777)
        } else if metadata.is_symlink() {
            (Kind::Symlink(fs::read_link(entry.path()).unwrap()), 0)
        } else {
            (Kind::File(fs::read(entry.path()).unwrap()), metadata.mode() & 0o7777)
        };
        // bsdtar leaves the time of the directory it works in alone.
        if !metadata.is_symlink() && entry.depth() > 0 {
            assert_eq!(metadata.mtime(), 1, "the time of {}", entry.path().display());
        }
        let path = entry.path().strip_prefix(root).unwrap().to_owned();
        tree.insert(path, Item { kind, mode, uid: metadata.uid(), gid: metadata.gid() });
    }
    tree
}

/// The extractors that an archive must suit, by name.
pub const EXTRACTORS: [&str; 4] = ["bsdtar in C.UTF-8", "bsdtar in C", "GNU tar", "Python"];

const PYTHON: &str = "
import sys, tarfile
with tarfile.open(sys.argv[1], 'r:gz') as archive:
    archive.extraction_filter = lambda member, path: member
    archive.extractall(sys.argv[2], numeric_owner=True)
";

/// Extracts `archive` with one of [`EXTRACTORS`] and takes the result's [`snapshot`].
pub fn extract(archive: &Path, extractor: &str) -> Tree {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut command = if let Some(locale) = extractor.strip_prefix("bsdtar in ") {
        // The very line of W§1.2; the archive comes through a pipe.
        let mut command = Command::new("bsdtar");
        command.env("LC_ALL", locale).arg("-C").arg(&root).args([
            "-x",
            "-p",
            "--xattrs",
            "--numeric-owner",
            "-f",
            "-",
        ]);
        command.stdin(fs::File::open(archive).unwrap());
        command
    } else if extractor == "GNU tar" {
        let mut command = Command::new("tar");
        command.arg("-C").arg(&root).args(["--numeric-owner", "-xpzf"]).arg(archive);
        command
    } else {
        let mut command = Command::new("python3");
        command.args(["-c", PYTHON]).arg(archive).arg(&root);
        command
    };
    let output = succeed(&mut command);
    // GNU tar does not know the record that bsdtar and Python need, and does without.
    let known = "tar: Ignoring unknown extended header keyword 'hdrcharset'\n";
    let message = String::from_utf8_lossy(&output.stderr).replace(known, "");
    assert!(message.is_empty(), "{extractor} has a complaint: {message}");
    snapshot(&root)
}

/// Says so and answers `true` where the test cannot run: owners and mounts need root.
pub fn skip_without_root(test: &str) -> bool {
    let skip = !rustix::process::geteuid().is_root();
    if skip {
        println!("SKIP {test}: only root can give files to other users; run it with sudo");
    }
    skip
}

/// Makes `path` a file with stray attributes, as a copy of a store may have them.
pub fn file(path: &Path, content: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes `path` a link with this very target.
pub fn link(target: &str, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

/// Gives everything below `path` to somebody.
pub fn give(path: &Path, uid: u32) {
    for entry in walkdir::WalkDir::new(path) {
        lchown(entry.unwrap().path(), Some(uid), Some(uid)).unwrap();
    }
}

/// A name from raw bytes.
pub fn name(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

/// A path from raw bytes.
pub fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
