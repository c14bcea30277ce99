//! The image is the same to the byte, whatever the machine, the user and the store it is written from look like.

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::standin::{Standin, run};
use walkdir::WalkDir;

/// The writer, at a place that every user can reach, and a directory for what it writes.
struct Writer {
    standin: Standin,
    directory: tempfile::TempDir,
}

impl Writer {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_nixos-wsl-image"), directory.path().join("writer")).unwrap();
        Self { standin: Standin::find(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the image by `starter` (a program that starts another, with its arguments) and compares it with Nix's.
    fn check(&self, starter: &[&str], arguments: &[&str]) {
        let out = self.path("image.tar.gz");
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(self.path("writer")).arg("tarball");
        command.arg("--attrs").arg(&self.standin.attributes_file).arg("--out").arg(&out).args(arguments);
        run(&mut command);
        assert!(
            fs::read(&out).unwrap() == fs::read(&self.standin.image).unwrap(),
            "{command:?} wrote other bytes"
        );
        fs::remove_file(&out).unwrap();
    }
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn under_other_core_counts() {
    let writer = Writer::new();
    for cores in ["1", "2", "7"] {
        writer.check(&["env"], &["--cores", cores]);
    }
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn under_another_environment() {
    let writer = Writer::new();
    writer.check(&["env", "-i"], &[]);
    writer.check(
        &["env", "TZ=Pacific/Kiritimati", "LC_ALL=tr_TR.UTF-8", "HOME=/nonexistent", "TMPDIR=/nonexistent"],
        &[],
    );
    writer.check(&["sh", "-c", "umask 077; cd /; exec \"$@\"", "sh"], &[]);
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn as_another_user() {
    let writer = Writer::new();
    writer.check(&["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"], &[]);
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn from_an_optimised_and_a_foreign_store() {
    let writer = Writer::new();
    let root = writer.standin.extracted();
    let store = root.path().join("nix/store");
    let arguments = ["--store", store.to_str().unwrap()];
    assert_eq!(hard_links(&store), 0);
    writer.check(&["env"], &arguments);

    run(Command::new("nix-store").arg("--store").arg(root.path()).arg("--optimise"));
    assert!(hard_links(&store) > 0, "optimising the store linked nothing");
    writer.check(&["env"], &arguments);

    // A copy by somebody else: other owners, times and permission bits.
    for found in WalkDir::new(&store).min_depth(1) {
        let found = found.unwrap();
        let metadata = found.metadata().unwrap();
        if metadata.is_symlink() {
            continue;
        }
        chown(found.path(), Some(1234), Some(1234)).unwrap();
        let mode = if metadata.is_dir() || metadata.mode() & 0o100 != 0 { 0o4755 } else { 0o664 };
        fs::set_permissions(found.path(), fs::Permissions::from_mode(mode)).unwrap();
    }
    writer.check(&["env"], &arguments);
}

/// How many files below `directory` have more than one name.
fn hard_links(directory: &Path) -> usize {
    WalkDir::new(directory)
        .into_iter()
        .filter(|found| {
            let metadata = found.as_ref().unwrap().metadata().unwrap();
            metadata.is_file() && metadata.nlink() > 1
        })
        .count()
}
