//! What interrupted copies have left in the store goes at a start; what a process is copying, and all else, stays.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

use rustix::fs::{FlockOperation, flock};

use crate::{directory, names, write};

const PATH: &str = "sc44r2szhzxbkx7kp74ldk02p3wx8l6n-source";

/// Cleans the store in a mount namespace of its own, after a line of shell.
fn clean(line: &str, store: &std::path::Path) -> Output {
    let program = env!("CARGO_BIN_EXE_nixos-wsl");
    let script = format!("S={}; {line} {program} clean-store $S", store.display());
    Command::new("unshare").args(["--mount", "--", "sh", "-c", &script]).output().expect("unshare")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn abandoned_copies_go_and_copies_under_way_stay() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP abandoned_copies_go_and_copies_under_way_stay: mounts need root");
        return;
    }
    for line in ["", "mount --bind $S $S; mount -o remount,bind,ro $S;"] {
        let top = directory();
        let (store, elsewhere) = (top.path().join("store"), top.path().join("elsewhere"));
        write(elsewhere.join("file"), "of others");
        for copy in ["tmp-12-0/x", "tmp-4321-2287485640/x/pkgs/top-level"] {
            write(store.join(copy).join("default.nix"), "half");
            symlink(&elsewhere, store.join(copy).join("link")).expect("a link");
            // As in the store: nobody may write.
            fs::set_permissions(store.join(copy), Permissions::from_mode(0o555)).expect("permissions");
        }
        // Not Nix's names, or not a folder.
        for other in [PATH, "tmp-1-2-x", "tmp--1", "tmp-12", "tmp-12-0x", ".links"] {
            write(store.join(other).join("file"), "whole");
        }
        write(store.join("tmp-5-5"), "a file");
        symlink(&elsewhere, store.join("tmp-6-6")).expect("a link");
        write(store.join("tmp-7-7/x/file"), "under way");
        let copying = File::open(store.join("tmp-7-7")).expect("a folder");
        flock(&copying, FlockOperation::LockExclusive).expect("a lock");
        let mut left =
            [".links", PATH, "tmp--1", "tmp-1-2-x", "tmp-12", "tmp-12-0x", "tmp-5-5", "tmp-6-6", "tmp-7-7"];

        let output = clean(line, &store);
        assert!(
            text(&output).ends_with("/store: removed what 2 interrupted copies had left\n"),
            "{output:?}"
        );
        left.sort_unstable();
        assert_eq!(names(&store), left, "{line}");
        assert_eq!(names(store.join("tmp-7-7/x")), ["file"]);

        drop(copying);
        assert!(text(&clean(line, &store)).contains("what 1 interrupted"));
        assert!(!store.join("tmp-7-7").exists());
        assert_eq!(text(&clean(line, &store)), "");
        assert_eq!(names(&elsewhere), ["file"]);
    }
}
