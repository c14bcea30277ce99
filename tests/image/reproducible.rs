//! The same inputs give the same bytes, whatever else is different.

#![allow(clippy::unwrap_used)] // a failed test is its own report

use std::fs::{self, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::image::{Store, file, link, skip_without_root, succeed};
use serde_json::json;

/// A store with some megabytes of text in many files, so that there are blocks enough for every thread.
fn store() -> Store {
    let mut store = Store::new();
    for number in 0..3_u64 {
        let root = store.add("content");
        for index in 0..40_u64 {
            let words =
                (0..20_000).map(|word: u64| format!("{} ", (word * word + index * 7919 + number) % 65_537));
            file(&root.join(format!("share/{index}/text")), words.collect::<String>().as_bytes(), 0o444);
        }
        file(&root.join("bin/run"), b"#!", 0o555);
        link("../bin/run", &root.join("share/link"));
    }
    store.profile = Some(store.installed(0));
    store.entries = vec![json!({ "path": "/tmp", "type": "directory", "mode": "1777" })];
    store
}

/// The writer behind `before`, a prefix of shell words.
fn under(store: &Store, before: &str) -> Vec<u8> {
    let writer = store.writer();
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{before} exec \"$@\""))
        .arg("sh")
        .arg(writer.get_program())
        .args(writer.get_args());
    succeed(&mut shell);
    fs::read(store.archive()).unwrap()
}

#[test]
fn surroundings_make_no_difference() {
    let store = store();
    let expected = store.archive_bytes();
    assert!(expected.len() > 4_000_000, "{} bytes are too few for several blocks", expected.len());
    for cores in ["1", "2", "3", "8", "0", "1"] {
        succeed(store.writer().args(["--cores", cores]).env("NIX_BUILD_CORES", "7"));
        assert!(fs::read(store.archive()).unwrap() == expected, "{cores} cores");
    }
    for before in [
        "umask 077;",
        "umask 000;",
        "export TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 LANG=C;",
        "export HOME=/nonexistent TMPDIR=/nonexistent USER=nobody;",
        "unset HOME PATH TMPDIR;",
        "cd /;",
    ] {
        assert!(under(&store, before) == expected, "{before}");
    }
}

#[test]
fn another_user_makes_the_same_image() {
    if skip_without_root("another_user_makes_the_same_image") {
        return;
    }
    let store = store();
    let expected = store.archive_bytes();
    fs::remove_file(store.archive()).unwrap();
    fs::set_permissions(store.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    // The program's own folder may be closed to others.
    let copy = store.folder.path().join("writer");
    fs::copy(env!("CARGO_BIN_EXE_nixos-wsl-image"), &copy).unwrap();
    let writer = store.writer();
    succeed(Command::new(copy).args(writer.get_args()).uid(12345).gid(12345));
    assert!(fs::read(store.archive()).unwrap() == expected);
}

#[test]
fn an_optimised_or_untidy_store_makes_the_same_image() {
    let store = store();
    let expected = store.archive_bytes();
    // What `nix-store --optimise` does: equal files become one inode, links included.
    let (first, second) = (store.installed(0), store.installed(1));
    let place = |installed: &str| store.path().join(installed.trim_start_matches("/nix/store/"));
    for name in ["bin/run", "share/link"] {
        fs::remove_file(place(&second).join(name)).unwrap();
        fs::hard_link(place(&first).join(name), place(&second).join(name)).unwrap();
    }
    // And what a copy by hand leaves: other times, writable files, setuid bits.
    let stray = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for index in 0..10 {
        let path = place(&first).join(format!("share/{index}/text"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6644)).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_times(FileTimes::new().set_modified(stray))
            .unwrap();
    }
    assert!(store.archive_bytes() == expected);
}
