//! WSL's own extractor and two others make one and the same tree of the image: the one that spec and store describe.

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::standin::{Standin, extract_with_bsdtar, run};
use serde_json::Value;
use walkdir::WalkDir;

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    uid: u64,
    gid: u64,
    content: Content,
}

#[derive(Debug, PartialEq, Eq)]
enum Content {
    Directory,
    Link(PathBuf),
    /// A file with this content.
    Bytes(Vec<u8>),
    /// Nix's database: its content is the subject of another test.
    Database,
}

type Tree = BTreeMap<PathBuf, Entry>;

const DATABASE: &str = "/nix/var/nix/db/db.sqlite";

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn bsdtar_as_wsl_starts_it() {
    let standin = Standin::find();
    let expected = expected(&standin);
    for locale in ["C.UTF-8", "C"] {
        let root = tempfile::tempdir().unwrap();
        extract_with_bsdtar(&standin.image, root.path(), locale);
        compare(&expected, root.path(), true);
    }
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn gnu_tar() {
    let standin = Standin::find();
    let root = tempfile::tempdir().unwrap();
    let output = run(Command::new("tar")
        .args(["--numeric-owner", "--same-permissions", "--same-owner", "--extract", "--gzip", "--file"])
        .arg(&standin.image)
        .arg("--directory")
        .arg(root.path()));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    compare(&expected(&standin), root.path(), true);
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn python_tarfile() {
    const SCRIPT: &str = "
import sys, tarfile
trust = {'filter': 'fully_trusted'} if hasattr(tarfile, 'fully_trusted_filter') else {}
tarfile.open(sys.argv[1]).extractall(sys.argv[2], numeric_owner=True, **trust)";
    let standin = Standin::find();
    let root = tempfile::tempdir().unwrap();
    run(Command::new("python3").args(["-c", SCRIPT]).arg(&standin.image).arg(root.path()));
    // It never sets a link's time.
    compare(&expected(&standin), root.path(), false);
}

/// The tree that the image must hold, from the derivation's attributes and the store, by no code of the writer.
fn expected(standin: &Standin) -> Tree {
    let mut tree = Tree::new();
    let spec = &standin.attributes["spec"];
    for entry in spec["entries"].as_array().unwrap() {
        add_spec_entry(&mut tree, entry);
    }
    let mut add = |path: &str, content, mode| {
        tree.insert(path.into(), Entry { mode, uid: 0, gid: 0, content });
    };
    let link = |target: &str| Content::Link(target.into());
    add("/nix/var/nix/profiles/system", link("system-1-link"), 0o777);
    add("/nix/var/nix/profiles/system-1-link", link(spec["profile"].as_str().unwrap()), 0o777);
    add("/nix/var/nix/gcroots/profiles", link("/nix/var/nix/profiles"), 0o777);
    add("/nix/var/nix/db", Content::Directory, 0o755);
    add("/nix/var/nix/db/schema", Content::Bytes(b"10".into()), 0o644);
    add(DATABASE, Content::Database, 0o644);
    for info in standin.closure() {
        let path = Path::new(info["path"].as_str().unwrap());
        for found in WalkDir::new(path) {
            let found = found.unwrap();
            let metadata = found.metadata().unwrap();
            let mode = if metadata.is_symlink() { 0o777 } else { metadata.mode() & 0o7777 };
            let content = content(found.path(), &metadata);
            tree.insert(found.path().into(), Entry { mode, uid: 0, gid: 0, content });
        }
    }
    let parents: Vec<PathBuf> =
        tree.keys().flat_map(|path| path.ancestors().skip(1).map(Path::to_owned)).collect();
    for parent in parents {
        tree.entry(parent).or_insert(Entry { mode: 0o755, uid: 0, gid: 0, content: Content::Directory });
    }
    tree
}

fn add_spec_entry(tree: &mut Tree, entry: &Value) {
    let text = |key: &str| entry[key].as_str();
    let path = PathBuf::from(text("path").unwrap());
    let owner = |mode: u32, content| Entry {
        mode,
        uid: entry["uid"].as_u64().unwrap_or(0),
        gid: entry["gid"].as_u64().unwrap_or(0),
        content,
    };
    let mode = |default| text("mode").map_or(default, |mode| u32::from_str_radix(mode, 8).unwrap());
    match text("type").unwrap() {
        "directory" => {
            tree.insert(path, owner(mode(0o755), Content::Directory));
        }
        "symlink" => {
            tree.insert(path, owner(0o777, Content::Link(text("target").unwrap().into())));
        }
        "file" => {
            let bytes = text("text")
                .map_or_else(|| fs::read(text("source").unwrap()).unwrap(), |text| text.as_bytes().to_vec());
            tree.insert(path, owner(mode(0o644), Content::Bytes(bytes)));
        }
        "tree" => {
            let source = text("source").unwrap();
            for found in WalkDir::new(source).follow_root_links(true) {
                let found = found.unwrap();
                let metadata = found.metadata().unwrap();
                let below = found.path().strip_prefix(source).unwrap();
                let mode = match () {
                    () if metadata.is_symlink() => 0o777,
                    () if metadata.is_dir() || metadata.mode() & 0o100 != 0 => mode(0o755),
                    () => mode(0o755) & !0o111,
                };
                let content = content(found.path(), &metadata);
                let at = if below.as_os_str().is_empty() { path.clone() } else { path.join(below) };
                tree.insert(at, owner(mode, content));
            }
        }
        other => panic!("{}: {other} is no type", path.display()),
    }
}

fn content(path: &Path, metadata: &Metadata) -> Content {
    if metadata.is_dir() {
        Content::Directory
    } else if metadata.is_symlink() {
        Content::Link(fs::read_link(path).unwrap())
    } else {
        Content::Bytes(fs::read(path).unwrap())
    }
}

/// Compares the tree below `root` with the expected one, entry by entry, in both directions.
fn compare(expected: &Tree, root: &Path, link_times: bool) {
    let mut seen = 0;
    for found in WalkDir::new(root) {
        let found = found.unwrap();
        let path = Path::new("/").join(found.path().strip_prefix(root).unwrap());
        let shown = path.display();
        let metadata = found.metadata().unwrap();
        let Entry { mode, uid, gid, content: wanted } =
            expected.get(&path).unwrap_or_else(|| panic!("{shown} should not be there"));
        seen += 1;
        if !metadata.is_symlink() {
            assert_eq!(format!("{:04o}", metadata.mode() & 0o7777), format!("{mode:04o}"), "mode of {shown}");
        }
        assert_eq!((u64::from(metadata.uid()), u64::from(metadata.gid())), (*uid, *gid), "owner of {shown}");
        // The root was there before: bsdtar gives it mode and owner, but not the time.
        if path != Path::new("/") && (link_times || !metadata.is_symlink()) {
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1, 0), "time of {shown}");
        }
        assert!(metadata.is_dir() || metadata.nlink() == 1, "{shown} is a hard link");
        if *wanted == Content::Database {
            assert!(metadata.len() > 0, "{shown} is empty");
        } else {
            assert!(
                content(found.path(), &metadata) == *wanted,
                "{shown} differs in type, target or content"
            );
        }
    }
    assert_eq!(seen, expected.len(), "entries are missing");
}
