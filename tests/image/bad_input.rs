//! Bad input: the message names the entry, the exit code is 1, and no file is left at the output path.

#![allow(clippy::unwrap_used)] // a failed test is its own report

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::image::{Store, file, link, skip_without_root};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The writer must fail with every one of these words, and leave nothing but what was there.
fn refuses(store: &Store, writer: &mut Command, words: &[&str]) {
    let output = writer.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert_eq!(said.lines().filter(|line| line.starts_with("nixos-wsl-image: ")).count(), 1, "{said}");
    assert_nothing_left(store);
}

pub fn assert_nothing_left(store: &Store) {
    let left: Vec<_> = fs::read_dir(store.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "store" && name != "attrs.json" && name != "outside")
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

fn refuses_entries(entries: &[Value], words: &[&str]) {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    store.entries = entries.to_vec();
    refuses(&store, &mut store.writer(), words);
}

#[test]
fn entries_that_contradict_each_other() {
    let directory = json!({ "path": "/bin", "type": "directory" });
    let symlink = json!({ "path": "/bin", "type": "symlink", "target": "usr/bin" });
    let shell = json!({ "path": "/bin/sh", "type": "file", "text": "" });
    refuses_entries(
        &[directory.clone(), symlink.clone()],
        &["\"/bin\"", "symlink here and a directory in an earlier entry"],
    );
    refuses_entries(&[symlink.clone(), shell.clone()], &["\"/bin/sh\"", "below /bin, which is a symlink"]);
    refuses_entries(&[shell.clone(), symlink], &["\"/bin/sh\"", "below /bin, which is a symlink"]);
    let deeper = json!({ "path": "/bin/sh/deep/er", "type": "directory" });
    refuses_entries(&[directory, shell, deeper], &["\"/bin/sh/deep", "below /bin/sh, which is a file"]);
    refuses_entries(
        &[json!({ "path": "/nix/var/nix/db", "type": "symlink", "target": "/tmp" })],
        &["below /nix/var/nix/db"],
    );
}

#[test]
fn paths_modes_and_owners_that_no_archive_can_hold() {
    refuses_entries(&[json!({ "path": "/a/../etc", "type": "directory" })], &["\"/a/../etc\"", "\"..\""]);
    refuses_entries(&[json!({ "path": "/a//b", "type": "directory" })], &["\"/a//b\"", "empty component"]);
    refuses_entries(&[json!({ "path": "/a", "type": "directory", "mode": "17777" })], &["\"/a\"", "17777"]);
    refuses_entries(&[json!({ "path": "/a", "type": "directory", "uid": -1 })], &["\"/a\"", "uid -1"]);
    refuses_entries(
        &[json!({ "path": "/a", "type": "directory", "gid": 4_294_967_296_u64 })],
        &["\"/a\"", "gid 4294967296"],
    );
}

#[test]
fn sources_that_are_not_there() {
    let missing = json!({ "path": "/etc/x", "type": "file", "source": "/nonexistent/x" });
    refuses_entries(&[missing], &["/etc/x: cannot read /nonexistent/x", "No such file"]);
    let missing = json!({ "path": "/etc/y", "type": "tree", "source": "/nonexistent/y" });
    refuses_entries(&[missing], &["/etc/y: cannot read /nonexistent/y", "No such file"]);
    refuses_entries(
        &[json!({ "path": "/etc/z", "type": "file", "source": "/etc" })],
        &["\"/etc/z\"", "no regular file"],
    );
    refuses_entries(
        &[json!({ "path": "/etc/z", "type": "tree", "source": "/etc/passwd" })],
        &["\"/etc/z\"", "no directory"],
    );
}

#[test]
fn unreadable_sources() {
    if skip_without_root("unreadable_sources") {
        return;
    }
    let mut store = Store::new();
    file(&store.add("a").join("closed"), b"a", 0o000);
    let copy = store.path().join("writer");
    fs::copy(env!("CARGO_BIN_EXE_nixos-wsl-image"), &copy).unwrap();
    fs::set_permissions(store.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let args: Vec<_> = store.writer().get_args().map(ToOwned::to_owned).collect();
    let mut writer = Command::new(copy);
    writer.args(args).uid(12345).gid(12345);
    refuses(&store, &mut writer, &["-a/closed: cannot read", "Permission denied"]);
}

#[test]
fn a_closure_that_is_not_whole() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    let stranger = "/nix/store/99999999999999999999999999999999-stranger";
    store.entries =
        vec![json!({ "path": "/bin/x", "type": "symlink", "target": format!("{stranger}/bin/x") })];
    refuses(&store, &mut store.writer(), &["\"/bin/x\"", stranger, "not in the closure"]);
    store.entries.clear();
    store.profile = Some(stranger.into());
    refuses(&store, &mut store.writer(), &[stranger, "profile", "not in the closure"]);
    store.profile = None;
    store.add("promised-but-absent");
    refuses(&store, &mut store.writer(), &["-promised-but-absent: cannot read", "No such file"]);
}

#[test]
fn attributes_that_do_not_fit() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    let with = |change: &dyn Fn(&mut Value), words: &[&str]| {
        let mut attributes = store.attributes();
        change(&mut attributes);
        let mut writer = store.writer();
        fs::write(store.folder.path().join("attrs.json"), attributes.to_string()).unwrap();
        refuses(&store, &mut writer, words);
    };
    with(&|json| json["spec"]["version"] = json!(2), &["spec has version 2", "reads version 1"]);
    with(
        &|json| json["spec"]["entries"] = json!([{ "path": "/a", "type": "socket" }]),
        &["\"/a\"", "socket"],
    );
    with(&|json| json["closure"][0]["narHash"] = json!("md5:0"), &["-a", "SHA-256"]);
    with(
        &|json| json["closure"][0]["references"] = json!(["/nix/store/x"]),
        &["-a", "refers to /nix/store/x"],
    );
    with(&|json| json["compressionLevel"] = json!(13), &["compressionLevel", "13"]);
    with(&|json| *json = json!([]), &["attrs.json", "not as expected"]);
    let mut writer = store.writer();
    fs::remove_file(store.folder.path().join("attrs.json")).unwrap();
    refuses(&store, &mut writer, &["cannot read the attributes", "No such file"]);
}

#[test]
fn things_that_have_no_place_in_a_store() {
    let mut store = Store::new();
    let root = store.add("odd");
    fs::create_dir(&root).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    refuses(&store, &mut store.writer(), &["-odd/socket", "is a socket"]);
    fs::remove_file(root.join("socket")).unwrap();
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::from(0o644), 0).unwrap();
    refuses(&store, &mut store.writer(), &["-odd/fifo", "is a FIFO"]);
    fs::remove_file(root.join("fifo")).unwrap();
    if skip_without_root("things_that_have_no_place_in_a_store (devices)") {
        return;
    }
    mknodat(
        CWD,
        root.join("device"),
        FileType::CharacterDevice,
        Mode::from(0o644),
        rustix::fs::makedev(1, 3),
    )
    .unwrap();
    refuses(&store, &mut store.writer(), &["-odd/device", "is a character device"]);
}

/// A writer that has begun to read a file of 64 GiB: it will be at it for as long as the test needs.
fn busy_writer(store: &mut Store) -> Child {
    busy(store, Store::writer)
}

/// As [`busy_writer`], of the command that `writer` makes.
pub fn busy(store: &mut Store, writer: impl Fn(&Store) -> Command) -> Child {
    let root = store.add("large");
    fs::create_dir(&root).unwrap();
    fs::File::create(root.join("sparse")).unwrap().set_len(64 << 30).unwrap();
    let child = writer(store).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let begun = || {
        fs::read_dir(store.folder.path()).unwrap().any(|entry| {
            let entry = entry.unwrap();
            entry.file_name().to_string_lossy().starts_with(".nixos-wsl-image")
                && entry.metadata().is_ok_and(|metadata| metadata.len() > 5000)
        })
    };
    while !begun() {
        assert!(Instant::now() < deadline, "the writer does not begin");
        sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_source_that_changes_under_the_writer() {
    let shrink = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_len(1 << 20).unwrap();
    let mut store = Store::new();
    let child = busy_writer(&mut store);
    shrink(&store.path().join(store.installed(0).trim_start_matches("/nix/store/")).join("sparse"));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("-large/sparse") && said.contains("changed while it was read"), "{said}");
    assert_nothing_left(&store);
}

#[test]
fn an_interrupt_leaves_nothing() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let mut store = Store::new();
        let child = busy_writer(&mut store);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(number), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        assert_nothing_left(&store);
    }
}

#[test]
fn a_full_disk_leaves_nothing_and_spares_what_was_there() {
    if skip_without_root("a_full_disk_leaves_nothing_and_spares_what_was_there") {
        return;
    }
    let mut store = Store::new();
    let mut noise = vec![0; 8_000_000];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut noise).unwrap();
    file(&store.add("noise"), &noise, 0o444);
    let writer = store.writer();
    // The small disk exists only in the shell's own mount namespace.
    let script = "
        mount -t tmpfs -o size=1m tmpfs \"$DISK\"
        echo before > \"$DISK/out.tar.gz\"
        \"$@\" --out \"$DISK/out.tar.gz\"; status=$?
        ls -A \"$DISK\"; cat \"$DISK/out.tar.gz\"; exit $status";
    let disk = tempfile::TempDir::new().unwrap();
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", script, "sh"]).arg(writer.get_program()).args(writer.get_args());
    let output = shell.env("DISK", disk.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot write") && said.contains("out.tar.gz") && said.contains("No space left"),
        "{said}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "out.tar.gz\nbefore\n");
}

#[test]
fn an_output_path_that_cannot_be_written() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    fs::create_dir(store.archive()).unwrap();
    let output = store.writer().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write"));
    fs::remove_dir(store.archive()).unwrap();
    let mut blocker = fs::File::create(store.folder.path().join("outside")).unwrap();
    blocker.write_all(b"a file where a directory should be").unwrap();
    let mut writer = store.writer();
    writer.arg("--out").arg(store.folder.path().join("outside/out.tar.gz"));
    refuses(&store, &mut writer, &["cannot write"]);
}

#[test]
fn wrong_words_on_the_command_line() {
    let mut store = Store::new();
    file(&store.add("a"), b"a", 0o444);
    refuses(
        &store,
        store.writer().args(["--chown", "/etc", "root:root"]),
        &["--chown /etc root:root", "UID:GID"],
    );
    refuses(
        &store,
        store.writer().args(["--chown", "/nonexistent", "0:0"]),
        &["/nonexistent", "does not have"],
    );
    let extra = store.folder.path().join("outside");
    link("/nowhere", &extra.join("nix/store/x"));
    refuses(&store, store.writer().arg("--extra-files").arg(&extra), &["/nix/store/x", "closure"]);
    let help = store.writer().arg("--help").output().unwrap();
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Example:"));
}
