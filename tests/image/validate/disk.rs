//! Disks: judged as the archive of the same root is, and whatever is in one, the verdict comes.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::validate;
use crate::support::image::{Store, succeed};
use crate::support::sim::bundled;

/// The findings in their order, but for how the file itself is made.
fn findings(file: &Path, rules: &[&str]) -> (Value, Vec<String>) {
    let output = validate(&[&["--format", "json"], rules].concat(), file);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let found = report["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["rule"] != "compression").map(Value::to_string).collect();
    (report, found)
}

/// A store whose root has what rules object to: modes, owners, keys, a loop of links, a program for nobody.
fn store() -> Store {
    let mut store = Store::new();
    let text = |path: &str, mode: &str, text: &str| json!({ "path": path, "type": "file", "mode": mode, "text": text });
    store.entries = vec![
        json!({ "path": "/", "type": "directory", "mode": "0700" }),
        text("/etc/passwd", "0644", "root:x:0:0::/root:/bin/sh\nme:x:1000:100::/home/me:/bin/none\n"),
        text("/etc/wsl.conf", "0600", "[boot]\nsystemd = true\nunknown = 1\n[user]\ndefault = nobody-here\n"),
        text(
            "/etc/wsl-distribution.conf",
            "0666",
            "[oobe]\ndefaultName = a b\n[shortcut]\nicon = /far/icon.ico\n",
        ),
        text("/far/icon.ico", "0644", "no icon"),
        text("/bin/sh", "0755", "#!/none\n"),
        json!({ "path": "/bin/bash", "type": "symlink", "target": "bash" }),
        json!({ "path": "/etc/systemd/system/x.service", "type": "file", "mode": "0777", "text": "x" }),
    ];
    store
}

fn disk(store: &Store) -> PathBuf {
    let disk = store.folder.path().join("disk.vhdx");
    succeed(&mut store.disk_writer(&disk));
    disk
}

#[test]
fn a_disk_is_judged_as_the_archive_of_its_root_is() {
    let store = store();
    let disk = disk(&store);
    succeed(&mut store.writer());
    let (report, of_disk) = findings(&disk, &[]);
    let (_, of_archive) = findings(&store.archive(), &[]);
    assert!(of_archive.len() > 8, "{of_archive:#?}");
    assert_eq!(of_disk, of_archive);
    assert_eq!(report["compression"], "vhdx");
    let whole = String::from_utf8(validate(&[], &disk).stdout).unwrap();
    assert!(whole.contains("is a VHDX disk, where a manifest's distribution is gzip or xz"), "{whole}");
    assert!(whole.lines().last().unwrap().contains(", a VHDX disk, for "), "{whole}");

    // As another writer makes it: with other blocks, and fixed.
    for form in ["block_size=33554432", "subformat=fixed"] {
        let other = store.folder.path().join("other.vhdx");
        succeed(Command::new("qemu-img").args(["convert", "-O", "vhdx", "-o", form]).args([&disk, &other]));
        assert_eq!(findings(&other, &[]).1, of_archive, "{form}");
    }
}

#[test]
#[ignore = "needs the stand-in's disk: checks/run gives it"]
fn the_stand_in_s_disk_is_judged_as_its_archive_is() {
    let [disk, archive] = ["image.vhdx", "image.tar.gz"].map(|name| findings(&bundled(name), &[]));
    assert_eq!(disk.1, archive.1);
    let [disk, archive] = [disk, archive].map(|(report, _)| report["members"].as_u64().unwrap());
    // The file system's own folder.
    assert_eq!(disk, archive + 1);
}

/// Bytes of the file that are others, and where.
type Changes<'a> = &'a [(u64, &'a [u8])];

/// Changes bytes of a copy; what is said of it, on one line each.
fn changed(disk: &Path, changes: Changes) -> String {
    let copy = disk.with_extension("changed");
    fs::copy(disk, &copy).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&copy).unwrap();
    for (at, bytes) in changes {
        file.write_all_at(bytes, *at).unwrap();
    }
    let output = validate(&["--rules", "import"], &copy);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!([Some(0), Some(1)].contains(&output.status.code()), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where the disk's byte 1024 is in the file: what begins with ext4's mark at its place.
fn superblock(disk: &Path) -> u64 {
    let file = fs::read(disk).unwrap();
    let mut blocks = (4..file.len() >> 20).map(|block| (block << 20) + 1024);
    blocks.find(|at| file[at + 0x38..at + 0x3a] == [0x53, 0xef]).unwrap() as u64
}

#[test]
fn a_disk_that_is_damaged_or_lies_is_told() {
    let store = store();
    let disk = disk(&store);
    let system = superblock(&disk);
    let cases: [(Changes, &str); 7] = [
        (&[(64 << 10, b"x"), (128 << 10, b"x")], "a damaged VHDX: neither of its headers is whole"),
        (&[(192 << 10, b"x"), (256 << 10, b"x")], "a damaged VHDX: its table of regions"),
        (&[(2 << 20, b"x")], "a damaged VHDX: its metadata"),
        (&[(system + 0x38, &[0, 0])], "a file system that is none of ext4"),
        // Groups of no block, and of one; blocks of 2 GiB: what a reader would divide by, or ask memory for.
        (&[(system + 0x20, &[0; 4])], "a file system that is none of ext4"),
        (&[(system + 0x20, &[1, 0, 0, 0])], "a file system that is none of ext4"),
        (&[(system + 0x18, &[21, 0, 0, 0])], "a file system that is none of ext4"),
    ];
    for (changes, expected) in cases {
        let said = changed(&disk, changes);
        assert!(said.starts_with("error: the disk ") && said.contains(expected), "{expected}: {said}");
    }
    // One header is enough.
    assert!(!changed(&disk, &[(64 << 10, b"x")]).contains("damaged"));
    let cut = fs::read(&disk).unwrap();
    fs::write(&disk, &cut[..cut.len() / 2]).unwrap();
    assert!(changed(&disk, &[]).contains("the disk "));
    let vhd = store.folder.path().join("a.vhd");
    fs::write(&vhd, b"conectix and more than sixteen bytes").unwrap();
    let said = String::from_utf8(validate(&[], &vhd).stdout).unwrap();
    assert!(
        said.contains("is a VHD disk: `wsl --import` takes it with --vhd, and `qemu-img convert`"),
        "{said}"
    );
}

/// Whatever bytes are others: a verdict, in time, and no crash.
#[test]
fn any_disk_has_a_verdict() {
    let store = store();
    let disk = disk(&store);
    let length = fs::metadata(&disk).unwrap().len();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let system = superblock(&disk);
    for round in 0..60 {
        let changes: Vec<(u64, Vec<u8>)> = (0..8)
            .map(|_| {
                // Half of them in the file system's first megabyte, where its tables are.
                let at = if round % 2 == 0 { random() % length } else { system + random() % (1 << 20) };
                (at.min(length - 8), random().to_le_bytes()[..=round % 8].to_vec())
            })
            .collect();
        let changes: Vec<(u64, &[u8])> = changes.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        changed(&disk, &changes);
    }
}
