//! `--unregister`: whatever a distribution has left in its root goes away with it, and nothing else does.
#![cfg(feature = "sim")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use crate::support::sim::Sim;

fn sh(line: &str, folder: &Path) {
    let status = Command::new("bash").args(["-euc", line]).current_dir(folder).status().expect("bash");
    assert!(status.success(), "{line}");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn whatever_a_distribution_has_left_goes_with_it() {
    let sim = Sim::new();
    sim.tiny("N");
    let root = sim.inside("N", "");
    let outer = sim.directory.path().join("outer");
    fs::create_dir(&outer).expect("a directory");
    fs::write(outer.join("file"), "of the machine").expect("a file");
    // What NixOS's tmpfiles do, and what users can do.
    sh(
        "mkdir -p var/empty locked/in; chattr +i var/empty; touch locked/in/log locked/in/file; \
        chattr +a locked/in/log; chattr +i locked/in/file locked/in locked",
        &root,
    );
    let many = std::env::var("NIXOS_WSL_FILES").unwrap_or_else(|_| "20000".into());
    sh(&format!("mkdir many; cd many; seq -f file-%.0f {many} | xargs touch"), &root);
    sh("mkdir -m 0 closed; mkdir closed/in", &root);
    sh(
        "mkdir -p mounted 'with blank'; mount -t tmpfs tmpfs mounted; touch mounted/file; \
        mount --bind ../../outer 'with blank'; mkdir read-only; ln -s ../../outer link; mkfifo pipe; mknod zero c 1 5; \
        mount --bind ../../outer read-only; mount -o remount,bind,ro read-only; if touch read-only/new; then exit 1; fi",
        &root,
    );
    // Deeper than any path and than a process may have descriptors.
    let deep = "import os\nfor _ in range(1500): os.mkdir('dd'); os.mkdir('1'); os.chdir('dd')";
    let made = Command::new("python3").args(["-c", deep]).current_dir(&root).status().expect("python3");
    assert!(made.success());
    for name in [&b"line\nend"[..], b"\xff\xfe", b"-rf", b" ", b"1", b"2"] {
        let folder = root.join("names").join(OsStr::from_bytes(name));
        fs::create_dir_all(folder.join("1/2")).expect("a folder");
        fs::write(folder.join("*"), "").expect("a file");
    }
    let removed = sim.run(["--unregister", "N"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert!(!sim.directory.path().join("N").exists());
    assert_eq!(fs::read_to_string(outer.join("file")).expect("it stays"), "of the machine");
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(sim.directory.path().to_str().expect("a path")), "{mounts}");
    assert_eq!(sim.run(["--list", "--quiet"]).out, "");
    sim.tiny("N");
    sim.ok(["--unregister", "N"]);
}
