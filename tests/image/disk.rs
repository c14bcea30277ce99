//! The disk holds what the archive holds, for e2fsprogs, QEMU and this kernel; and nothing is left of one that failed.

#![allow(clippy::unwrap_used)] // a failed test is its own report

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bad_input::{assert_nothing_left, busy};
use crate::properties::{component, is_made, made, make};
use crate::support::image::{Store, Tree, extract, file, skip_without_root, snapshot, succeed};
use crate::support::power::{mount, own_mounts};
use crate::tarball::odd_store_path;
use proptest::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

/// A file system that is mounted through a loop device until this is dropped.
struct Mounted(TempDir);

impl Mounted {
    fn new(disk: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        own_mounts();
        mount("loop", disk, folder.path());
        Self(folder)
    }

    /// Everything in it but the file system's own folder, which is there.
    fn tree(&self) -> Tree {
        let mut tree = snapshot(self.0.path());
        assert!(tree.remove(Path::new("lost+found")).is_some_and(|item| item.mode == 0o700));
        tree
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.0.path()).status().unwrap();
        assert!(status.success() || std::thread::panicking(), "{status}");
    }
}

fn raw(store: &Store) -> PathBuf {
    let disk = store.folder.path().join("disk.raw");
    succeed(store.disk_writer(&disk).arg("--raw"));
    disk
}

fn vhdx(store: &Store) -> PathBuf {
    let disk = store.folder.path().join("disk.vhdx");
    succeed(&mut store.disk_writer(&disk));
    disk
}

fn check(disk: &Path) {
    succeed(Command::new("e2fsck").args(["-f", "-n"]).arg(disk));
}

/// As QEMU reads a VHDX.
fn converted(disk: &Path) -> PathBuf {
    let raw = disk.with_extension("converted");
    succeed(Command::new("qemu-img").arg("check").arg(disk));
    succeed(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(disk).arg(&raw));
    raw
}

/// Whether two sparse files have the same bytes.
fn same(one: &Path, other: &Path) -> bool {
    let [mut one, mut other] = [one, other].map(|path| fs::File::open(path).unwrap());
    let length = one.metadata().unwrap().len();
    if other.metadata().unwrap().len() != length {
        return false;
    }
    let data = |file: &mut fs::File, from: u64| {
        rustix::fs::seek(&*file, rustix::fs::SeekFrom::Data(from)).unwrap_or(length)
    };
    let (mut at, mut buffers) = (0, [vec![0; 1 << 20], vec![0; 1 << 20]]);
    loop {
        at = data(&mut one, at).min(data(&mut other, at));
        if at >= length {
            return true;
        }
        let room = usize::try_from(length - at).unwrap().min(1 << 20);
        for (file, buffer) in [&mut one, &mut other].into_iter().zip(&mut buffers) {
            file.seek(SeekFrom::Start(at)).unwrap();
            buffer.resize(room, 0);
            file.read_exact(buffer).unwrap();
        }
        if buffers[0] != buffers[1] {
            return false;
        }
        at += room as u64;
    }
}

/// A store with everything that can be in one, and a spec with owners of all kinds.
fn odd_store() -> Store {
    let mut store = Store::new();
    odd_store_path(&mut store);
    file(&store.add("single-file"), b"a store path that is a file", 0o755);
    let outside = store.folder.path().join("outside");
    file(&outside, &vec![7; 300_000], 0o700);
    store.profile = Some(store.installed(0));
    store.entries = vec![
        json!({ "path": "/tmp", "type": "directory", "mode": "1777" }),
        json!({ "path": "/etc/shadow", "type": "file", "text": "root:!:1::::::\n", "mode": "0640", "gid": 42 }),
        json!({ "path": "/home/far", "type": "directory", "mode": "2750", "uid": 2_097_152, "gid": 4_294_967_294_u32 }),
        json!({ "path": "/sbin/init", "type": "file", "source": outside, "mode": "4755" }),
        json!({ "path": "/etc/empty", "type": "file", "text": "" }),
        json!({ "path": "/a", "type": "symlink", "target": "x".repeat(59) }),
        json!({ "path": "/b", "type": "symlink", "target": "x".repeat(60) }),
        json!({ "path": "/c", "type": "symlink", "target": "x".repeat(4095) }),
    ];
    store
}

#[test]
fn a_disk_holds_what_the_archive_holds() {
    if skip_without_root("a_disk_holds_what_the_archive_holds") {
        return;
    }
    let store = odd_store();
    store.archive_bytes();
    let expected = extract(&store.archive(), "bsdtar in C");
    let disk = raw(&store);
    check(&disk);
    assert!(same(&converted(&vhdx(&store)), &disk), "QEMU reads other bytes from the VHDX");

    let mounted = Mounted::new(&disk);
    let found = mounted.tree();
    for (path, item) in &expected {
        assert_eq!(found.get(path), Some(item), "{}", path.display());
    }
    assert_eq!(found.len(), expected.len());
    // It is a file system to be used.
    fs::create_dir(mounted.0.path().join("new")).unwrap();
    fs::write(mounted.0.path().join("new/file"), vec![1; 5 << 20]).unwrap();
    fs::remove_file(mounted.0.path().join("sbin/init")).unwrap();
    drop(mounted);
    check(&disk);
}

#[test]
fn it_grows_and_shrinks() {
    if skip_without_root("it_grows_and_shrinks") {
        return;
    }
    let store = odd_store();
    let disk = raw(&store);
    let before = Mounted::new(&disk).tree();
    for size in [20_u64, 4] {
        fs::File::options().write(true).open(&disk).unwrap().set_len(20 << 30).unwrap();
        succeed(Command::new("e2fsck").args(["-f", "-y"]).arg(&disk));
        succeed(Command::new("resize2fs").arg(&disk).arg(format!("{size}G")));
        check(&disk);
        assert!(Mounted::new(&disk).tree() == before, "another tree at {size} GiB");
    }
}

/// Long names, so that the index has two levels.
#[test]
fn a_large_directory_has_an_index() {
    if skip_without_root("a_large_directory_has_an_index") {
        return;
    }
    let mut store = Store::new();
    let root = store.add("large");
    fs::create_dir(&root).unwrap();
    let names: Vec<_> = (0..12_000).map(|number| format!("{number:0>180}-ü\u{7f}")).collect();
    for name in &names {
        fs::write(root.join(name), "").unwrap();
    }
    let disk = raw(&store);
    check(&disk);
    let path = format!("\"{}\"", store.installed(0));
    let shown = succeed(Command::new("debugfs").args(["-R", &format!("htree_dump {path}")]).arg(&disk));
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("Indirect levels: 1"), "{}", &shown[..shown.len().min(800)]);

    let mounted = Mounted::new(&disk);
    let folder = mounted.0.path().join(store.installed(0).trim_start_matches('/'));
    for name in &names {
        assert!(folder.join(name).symlink_metadata().is_ok(), "{name}");
    }
    assert!(folder.join("0").symlink_metadata().is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), names.len());
    for (number, name) in names.iter().take(2000).enumerate() {
        fs::write(folder.join(format!("new-{number:0>200}")), "").unwrap();
        fs::remove_file(folder.join(name)).unwrap();
    }
    drop(mounted);
    check(&disk);
}

/// More extents than an inode has room for, numbers beyond 32 bits, and blocks of zeros that the VHDX leaves out.
#[test]
fn a_file_over_4_gib_is_whole() {
    if skip_without_root("a_file_over_4_gib_is_whole") {
        return;
    }
    let mut store = Store::new();
    let path = store.add("large");
    let size = (4_u64 << 30) + 12_345;
    let large = fs::File::create(&path).unwrap();
    large.set_len(size).unwrap();
    let places = [0, 100 << 20, (1 << 31) - 3, (4 << 30) - 5, size - 10];
    for place in places {
        large.write_all_at(b"0123456789", place).unwrap();
    }
    let disk = vhdx(&store);
    let stored = disk.metadata().unwrap().len();
    assert!(stored < 60 << 20, "{stored} bytes for what is nearly all zero");
    let disk = converted(&disk);
    check(&disk);
    let mounted = Mounted::new(&disk);
    let found = fs::File::open(mounted.0.path().join(store.installed(0).trim_start_matches('/'))).unwrap();
    assert_eq!(found.metadata().unwrap().size(), size);
    for place in places {
        let mut content = [0; 10];
        found.read_exact_at(&mut content, place).unwrap();
        assert_eq!(&content, b"0123456789", "at {place}");
    }
}

#[test]
fn the_same_content_gives_the_same_disk() {
    if skip_without_root("the_same_content_gives_the_same_disk") {
        return;
    }
    let store = odd_store();
    let first = fs::read(vhdx(&store)).unwrap();
    let copy = store.folder.path().join("copy");
    succeed(Command::new("cp").arg("-r").arg(store.path()).arg(&copy));
    let out = store.folder.path().join("second.vhdx");
    let mut writer = store.disk_writer(&out);
    writer.env("TZ", "Asia/Tokyo").env("LANG", "tr_TR.UTF-8").env("SOURCE_DATE_EPOCH", "5").current_dir("/");
    succeed(writer.args(["--cores", "1", "--store"]).arg(&copy));
    assert!(
        fs::read(&out).unwrap() == first,
        "other bytes from a copy of the store, with another environment"
    );

    let mut other = odd_store();
    other.entries.push(json!({ "path": "/etc/more", "type": "file", "text": "more" }));
    let uuid = |disk: &Path| {
        let shown = succeed(Command::new("blkid").args(["-o", "value", "-s", "UUID"]).arg(disk));
        String::from_utf8(shown.stdout).unwrap()
    };
    assert_ne!(uuid(&raw(&store)), uuid(&raw(&other)), "two systems with one UUID");
}

#[test]
fn nothing_is_left_of_a_disk_that_fails() {
    if skip_without_root("nothing_is_left_of_a_disk_that_fails") {
        return;
    }
    let mut store = Store::new();
    let mut noise = vec![0; 30 << 20];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut noise).unwrap();
    file(&store.add("noise"), &noise, 0o444);
    let disk = store.folder.path().join("disk.vhdx");
    for (program, text) in
        [("/nonexistent/mke2fs", "/nonexistent/mke2fs: No such file"), ("false", "exit status: 1")]
    {
        for form in [&["--raw"][..], &[]] {
            let output = store.disk_writer(&disk).args(["--mke2fs", program]).args(form).output().unwrap();
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && message.contains(text), "{message}");
            assert_nothing_left(&store);
        }
    }
    store.entries = vec![json!({ "path": "/lost+found/x", "type": "file", "text": "" })];
    let output = store.disk_writer(&disk).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("/lost+found") && message.contains("the file system's own"), "{message}");
    assert_nothing_left(&store);

    store.entries = Vec::new();
    let script = "
        mount -t tmpfs -o size=10m tmpfs \"$DISK\"
        \"$@\" --out \"$DISK/disk\"; status=$?
        ls -A \"$DISK\"; exit $status";
    let folder = TempDir::new().unwrap();
    let writer = store.disk_writer(&disk);
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", script, "sh"]).arg(writer.get_program()).args(writer.get_args());
    let output = shell.env("DISK", folder.path()).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains("No space left"), "{message}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");

    let mut store = Store::new();
    let child = busy(&mut store, |store| store.disk_writer(&store.folder.path().join("disk.vhdx")));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(15), "{}", String::from_utf8_lossy(&output.stderr));
    assert_nothing_left(&store);
}

#[test]
fn a_file_system_that_is_too_small_is_said() {
    if skip_without_root("a_file_system_that_is_too_small_is_said") {
        return;
    }
    let mut store = Store::new();
    fs::File::create(store.add("large")).unwrap().set_len(9 << 30).unwrap();
    let output = store.disk_writer(&store.folder.path().join("disk.vhdx")).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains("no block left"), "{message}");
    assert_nothing_left(&store);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 100, ..ProptestConfig::default() })]

    /// Five trees in each disk: a file system costs more time than what is in it.
    #[test]
    fn random_trees_are_on_the_disk(
        wanted in prop::collection::vec(
            prop::collection::btree_map(prop::collection::vec(component(), 1..6), made(), 0..60),
            5,
        )
    ) {
        if skip_without_root("random_trees_are_on_the_disk") {
            return Ok(());
        }
        let mut store = Store::new();
        let present: Vec<_> = wanted.into_iter().map(|wanted| make(&store.add("random"), wanted)).collect();
        let disk = store.folder.path().join("disk.raw");
        succeed(store.disk_writer(&disk).args(["--raw", "--size", "1"]));
        check(&disk);
        let found = Mounted::new(&disk).tree();
        for (number, present) in present.into_iter().enumerate() {
            let installed = PathBuf::from(store.installed(number).trim_start_matches('/'));
            let found: BTreeMap<_, _> = found
                .iter()
                .filter_map(|(path, item)| Some((path.strip_prefix(&installed).ok()?, item)))
                .filter(|(path, _)| !path.as_os_str().is_empty())
                .collect();
            prop_assert_eq!(found.keys().collect::<Vec<_>>(), present.keys().collect::<Vec<_>>());
            for (path, item) in found {
                prop_assert!(is_made(item, &present[path]), "{:?} at {:?}", item, path);
            }
        }
    }
}
