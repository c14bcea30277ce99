//! The archive says what the spec and the store say, to every extractor.

#![allow(clippy::unwrap_used)] // a failed test is its own report

use crate::support::image;
use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::image::{
    EXTRACTORS, Item, Kind, Store, Tree, extract, file, link, name, skip_without_root, succeed,
};
use serde_json::json;

fn expect(tree: &mut Tree, path: impl Into<PathBuf>, kind: Kind, mode: u32, uid: u32, gid: u32) {
    tree.insert(path.into(), Item { kind, mode, uid, gid });
}

/// A store path with everything a store may hold, and what an extractor must make of it.
pub fn odd_store_path(store: &mut Store) -> Tree {
    let root = store.add("odd");
    let installed = PathBuf::from(store.installed(0).trim_start_matches('/'));
    let mut tree = Tree::new();
    let deep = ["d".repeat(100), "e".repeat(120), "f".repeat(90)].join("/");
    let files: [(Vec<u8>, &[u8], u32, u32); 10] = [
        (b"plain".to_vec(), b"text\n", 0o644, 0o444),
        (b"bin/run".to_vec(), b"#!\0\xff", 0o4755, 0o555),
        (b"bin/group-only".to_vec(), b"x", 0o610, 0o444),
        (b"empty".to_vec(), b"", 0o600, 0o444),
        ("ümläut".as_bytes().to_vec(), b"1", 0o444, 0o444),
        (b"not-utf8-\xff\xfe".to_vec(), b"2", 0o444, 0o444),
        (b"new\nline and  spaces".to_vec(), b"3", 0o444, 0o444),
        (format!("{deep}/{}", "n".repeat(255)).into_bytes(), b"4", 0o444, 0o444),
        (format!("{deep}/{}", "ü".repeat(127)).into_bytes(), b"5", 0o444, 0o444),
        ([b"long-\xff-".as_slice(), &[b'z'; 240]].concat(), b"6", 0o444, 0o444),
    ];
    for (path, content, mode, expected) in files {
        let relative = PathBuf::from(name(&path));
        file(&root.join(&relative), content, mode);
        expect(&mut tree, installed.join(relative), Kind::File(content.to_vec()), expected, 0, 0);
    }
    fs::create_dir(root.join("empty-directory")).unwrap();
    let targets = ["plain", "a//b/./c/../d", "/", "/abs//p", "dangling", &"t".repeat(101), &"ü/".repeat(400)]
        .map(str::to_owned);
    for (number, target) in targets.iter().enumerate() {
        let relative = format!("links/{number}");
        link(target, &root.join(&relative));
        expect(&mut tree, installed.join(relative), Kind::Symlink(target.into()), 0, 0, 0);
    }
    for directory in ["", "bin", "empty-directory", "links", &deep[..100], &deep[..221], &deep] {
        let directory = if directory.is_empty() { installed.clone() } else { installed.join(directory) };
        expect(&mut tree, directory, Kind::Directory, 0o555, 0, 0);
    }
    tree
}

#[test]
fn every_extractor_gets_the_spec_and_the_store() {
    if skip_without_root("every_extractor_gets_the_spec_and_the_store") {
        return;
    }
    let mut store = Store::new();
    let mut expected = odd_store_path(&mut store);
    let single = store.add("single-file");
    file(&single, b"a store path that is a file", 0o755);
    let content = Kind::File(b"a store path that is a file".to_vec());
    expect(&mut expected, store.installed(1).trim_start_matches('/'), content, 0o555, 0, 0);
    let alone = store.add("single-link");
    link("/nix/store/elsewhere", &alone);
    expect(
        &mut expected,
        store.installed(2).trim_start_matches('/'),
        Kind::Symlink("/nix/store/elsewhere".into()),
        0,
        0,
        0,
    );

    let outside = store.folder.path().join("outside");
    file(&outside.join("program"), b"ELF", 0o700);
    file(&outside.join("tree/sub/script"), b"#!", 0o777);
    file(&outside.join("tree/text"), b"text", 0o600);
    link("text", &outside.join("tree/link"));
    link("program", &outside.join("link-to-program"));
    store.profile = Some(store.installed(0));
    store.entries = vec![
        json!({ "path": "/tmp", "type": "directory", "mode": "1777" }),
        json!({ "path": "/etc/shadow", "type": "file", "text": "root:!:1::::::\n", "mode": "0640", "gid": 42 }),
        json!({ "path": "/etc/replaced", "type": "file", "text": "first" }),
        json!({ "path": "/etc/replaced", "type": "file", "text": "second", "mode": "0600" }),
        json!({ "path": "/home/alice", "type": "directory", "mode": "0700", "uid": 1000, "gid": 100 }),
        json!({ "path": "/home/far", "type": "directory", "mode": "2750", "uid": 2_097_152, "gid": 4_294_967_294_u32 }),
        json!({ "path": "/sbin/init", "type": "file", "source": outside.join("link-to-program"), "mode": "4755" }),
        json!({ "path": "/bin/mount", "type": "symlink", "target": format!("{}/bin//mount", store.installed(0)) }),
        json!({ "path": "/etc/nixos", "type": "tree", "source": outside.join("tree"), "uid": 1000, "gid": 100 }),
        json!({ "path": "/etc/nixos/text", "type": "file", "text": "over the tree's" }),
    ];
    let directories = [
        ("", 0o755, 0, 0),
        ("bin", 0o755, 0, 0),
        ("etc", 0o755, 0, 0),
        ("etc/nixos", 0o755, 1000, 100),
        ("etc/nixos/sub", 0o755, 1000, 100),
        ("home", 0o755, 0, 0),
        ("home/alice", 0o700, 1000, 100),
        ("home/far", 0o2750, 2_097_152, 4_294_967_294),
        ("nix", 0o755, 0, 0),
        ("nix/store", 0o755, 0, 0),
        ("nix/var", 0o755, 0, 0),
        ("nix/var/nix", 0o755, 0, 0),
        ("nix/var/nix/db", 0o755, 0, 0),
        ("nix/var/nix/gcroots", 0o755, 0, 0),
        ("nix/var/nix/profiles", 0o755, 0, 0),
        ("sbin", 0o755, 0, 0),
        ("tmp", 0o1777, 0, 0),
    ];
    for (path, mode, uid, gid) in directories {
        expect(&mut expected, path, Kind::Directory, mode, uid, gid);
    }
    let files: [(&str, &[u8], u32, u32, u32); 6] = [
        ("etc/shadow", b"root:!:1::::::\n", 0o640, 0, 42),
        ("etc/replaced", b"second", 0o600, 0, 0),
        ("etc/nixos/sub/script", b"#!", 0o755, 1000, 100),
        ("etc/nixos/text", b"over the tree's", 0o644, 0, 0),
        ("sbin/init", b"ELF", 0o4755, 0, 0),
        ("nix/var/nix/db/schema", b"10", 0o644, 0, 0),
    ];
    for (path, content, mode, uid, gid) in files {
        expect(&mut expected, path, Kind::File(content.to_vec()), mode, uid, gid);
    }
    let links = [
        ("bin/mount", format!("{}/bin//mount", store.installed(0)), 0),
        ("etc/nixos/link", "text".into(), 1000),
        ("nix/var/nix/gcroots/profiles", "/nix/var/nix/profiles".into(), 0),
        ("nix/var/nix/profiles/system", "system-1-link".into(), 0),
        ("nix/var/nix/profiles/system-1-link", store.installed(0), 0),
    ];
    for (path, target, uid) in links {
        let gid = if uid == 0 { 0 } else { 100 };
        expect(&mut expected, path, Kind::Symlink(target.into()), 0, uid, gid);
    }

    store.archive_bytes();
    for extractor in EXTRACTORS {
        let mut found = extract(&store.archive(), extractor);
        let database = found.remove(Path::new("nix/var/nix/db/db.sqlite")).expect("a database");
        assert!(matches!(database.kind, Kind::File(bytes) if bytes.starts_with(b"SQLite format 3\0")));
        for (path, item) in &expected {
            assert_eq!(found.get(path), Some(item), "{extractor}: {}", path.display());
        }
        let stray: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
        assert!(stray.is_empty(), "{extractor}: {stray:?}");
    }
}

#[test]
fn members_are_sorted_with_parents_first_and_without_hard_links() {
    let mut store = Store::new();
    odd_store_path(&mut store);
    let twin = store.add("twin");
    fs::create_dir(&twin).unwrap();
    fs::hard_link(
        store.path().join(store.installed(0).trim_start_matches("/nix/store/")).join("plain"),
        twin.join("a"),
    )
    .unwrap();
    fs::hard_link(twin.join("a"), twin.join("b")).unwrap();
    let bytes = store.archive_bytes();
    // A plain decoder, not one for many members: the archive is one.
    let mut archive = tar::Archive::new(flate2::bufread::GzDecoder::new(bytes.as_slice()));
    let mut before = None;
    for member in archive.entries().unwrap() {
        let member = member.unwrap();
        let kind = member.header().entry_type();
        assert!(kind.is_dir() || kind.is_file() || kind.is_symlink(), "{kind:?}");
        assert_eq!(member.header().mtime().unwrap(), 1);
        let name = member.path_bytes().into_owned();
        assert!(name.starts_with(b"./"));
        let path = PathBuf::from(image::name(&name));
        assert_eq!(before.is_none(), path == Path::new("./"), "the root comes first");
        assert!(before.as_ref() < Some(&path), "{before:?} before {path:?}");
        before = Some(path);
    }
    assert!(before.unwrap().ends_with("nix/var/nix/profiles") || bytes.len() > 1000);
}

#[test]
fn a_file_over_8_gib_keeps_its_size() {
    const SIZE: u64 = (8 << 30) + 3;
    let mut store = Store::new();
    let root = store.add("large");
    fs::create_dir(&root).unwrap();
    fs::File::create(root.join("sparse")).unwrap().set_len(SIZE).unwrap();
    succeed(&mut store.writer());
    let listing = succeed(Command::new("bsdtar").arg("-tvf").arg(store.archive()));
    let listing = String::from_utf8(listing.stdout).unwrap();
    assert!(
        listing.lines().any(|line| line.contains(&format!(" {SIZE} ")) && line.ends_with("/sparse")),
        "{listing}"
    );
    assert!(
        listing.lines().last().unwrap().contains("nix/var/nix/"),
        "what comes after it is found: {listing}"
    );
}

#[test]
fn holes_are_data() {
    let mut store = Store::new();
    let root = store.add("sparse");
    fs::create_dir(&root).unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"middle", 5_000_000).unwrap();
    sparse.set_len(9_000_001).unwrap();
    let bytes = store.archive_bytes();
    let mut expected = vec![0; 9_000_001];
    expected[5_000_000..5_000_006].copy_from_slice(b"middle");
    let mut archive = tar::Archive::new(flate2::bufread::GzDecoder::new(bytes.as_slice()));
    let found = archive
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .find(|member| member.path_bytes().ends_with(b"/sparse"));
    let mut found = found.unwrap();
    assert_eq!(found.header().entry_type(), tar::EntryType::Regular);
    let mut content = Vec::new();
    found.read_to_end(&mut content).unwrap();
    assert!(content == expected);
}

#[test]
fn the_output_goes_where_the_derivation_says() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    let output = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"))
        .arg("tarball")
        .arg("--store")
        .arg(store.path())
        .env("NIX_ATTRS_JSON_FILE", store.write_attributes())
        .env("NIX_BUILD_CORES", "0")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let archive = store.folder.path().join("out/tarball/test.tar.gz");
    assert!(fs::metadata(archive).unwrap().len() > 100);
    assert_eq!(fs::read_dir(store.folder.path().join("out/tarball")).unwrap().count(), 1);
}

#[test]
fn the_output_may_be_named_as_today_s_scripts_do() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    let writer = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
        command.args(["tarball", "--attrs"]).arg(store.write_attributes()).arg("--store").arg(store.path());
        command.env("NIXOS_WSL_IMAGE", "default.wsl").current_dir(store.folder.path());
        command
    };
    succeed(&mut writer());
    succeed(writer().arg("given.wsl"));
    let read = |name| fs::read(store.folder.path().join(name)).unwrap();
    assert!(read("default.wsl") == read("given.wsl"));
}

#[test]
fn extra_files_keep_their_bits_and_chown_gives_them_away() {
    if skip_without_root("extra_files_keep_their_bits_and_chown_gives_them_away") {
        return;
    }
    let mut store = Store::new();
    store.entries = vec![
        json!({ "path": "/home/alice", "type": "directory", "mode": "0700", "uid": 1000, "gid": 100 }),
        json!({ "path": "/etc/motd", "type": "file", "text": "before" }),
    ];
    let extra = store.folder.path().join("extra");
    file(&extra.join("home/alice/.ssh/id"), b"secret", 0o600);
    file(&extra.join("etc/motd"), b"after", 0o664);
    file(&extra.join("opt/tool"), b"ELF", 0o6755);
    image::give(&extra, 12345);
    succeed(store.writer().arg("--extra-files").arg(&extra).args([
        "--chown",
        "/home/alice/.ssh",
        "1000:100",
    ]));
    let found = extract(&store.archive(), "bsdtar in C");
    let item = |path: &str| found.get(Path::new(path)).map(|item| (item.mode, item.uid, item.gid));
    assert_eq!(item("home/alice"), Some((0o700, 1000, 100)), "the spec's directory stays as it is");
    assert_eq!(item("home/alice/.ssh/id"), Some((0o600, 1000, 100)));
    assert_eq!(item("etc/motd"), Some((0o664, 0, 0)));
    assert_eq!(item("opt/tool"), Some((0o755, 0, 0)), "setuid bits come from the spec alone");
}
