//! The switch from the installer's links to the system's programs: what is in place is told by what it is, and a kill at any
//! system call costs nothing.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use nixos_wsl::install::state::{InstallState, Journal};
use nixos_wsl::install::switch::{is_ready, switch};
use nixos_wsl::system::installer::{ARCHIVE, DIRECTORY, MANIFEST, Manifest, PROGRAM, VERSION};
use tempfile::TempDir;

use crate::support::every_call::Victim;
use crate::support::installer::{extracted, listing, unpack};

const ENTRY_POINTS: [&str; 4] = ["bin/sh", "bin/mount", "sbin/init", "etc/passwd"];

fn manifest() -> Manifest {
    Manifest {
        version: VERSION,
        sha256: String::new(),
        size: 0,
        unpacked: 0,
        disk: 0,
        members: 0,
        entry_points: ENTRY_POINTS.map(str::to_owned).to_vec(),
    }
}

/// A root in which everything is unpacked and nothing is switched yet.
fn prepare(root: &Path) {
    for folder in ["bin", "sbin", "etc", "run", DIRECTORY] {
        let folder = root.join(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    fs::write(root.join(PROGRAM), "the installer").unwrap();
    fs::write(root.join(ARCHIVE), "the archive").unwrap();
    fs::write(root.join(MANIFEST), serde_json::to_vec(&manifest()).unwrap()).unwrap();
    let new = root.join(DIRECTORY).join("new");
    fs::create_dir(&new).unwrap();
    for (position, path) in ENTRY_POINTS.iter().enumerate() {
        let waiting = new.join(position.to_string());
        fs::write(&waiting, format!("the system's {path}")).unwrap();
        fs::set_permissions(&waiting, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(Path::new("/").join(PROGRAM), root.join(path)).unwrap();
    }
    InstallState::new(root).set_journal(Journal::Switching).unwrap();
}

fn assert_switched(root: &Path) {
    for path in ENTRY_POINTS {
        assert_eq!(fs::read_to_string(root.join(path)).unwrap(), format!("the system's {path}"));
        let found = root.join(path).symlink_metadata().unwrap();
        assert!(found.is_file() && found.nlink() == 1, "{path}");
    }
    assert!(!root.join(DIRECTORY).exists());
}

#[test]
fn what_waits_takes_the_place_of_whatever_is_there() {
    for make in [
        |_: &Path| {},
        |path: &Path| fs::write(path, "something else").unwrap(),
        |path: &Path| fs::create_dir(path).unwrap(),
        |path: &Path| symlink("/nowhere", path).unwrap(),
    ] {
        let root = TempDir::new().unwrap();
        prepare(root.path());
        fs::remove_file(root.path().join("sbin/init")).unwrap();
        make(&root.path().join("sbin/init"));
        switch(&InstallState::new(root.path()), &manifest()).unwrap();
        assert_switched(root.path());
    }
}

/// That something is there says nothing: it may be the installer's link, as here, and then there was no way back.
#[test]
fn a_target_that_only_exists_is_not_taken_for_done() {
    let root = TempDir::new().unwrap();
    prepare(root.path());
    fs::remove_file(root.path().join(DIRECTORY).join("new/2")).unwrap();
    let state = InstallState::new(root.path());
    assert!(!is_ready(&state, &manifest()));
    let error = switch(&state, &manifest()).unwrap_err().to_string();
    assert!(error.contains("new/2"), "{error}");
    assert!(root.path().join(PROGRAM).exists() && !state.installed());
    assert!(root.path().join("sbin/init").symlink_metadata().unwrap().is_symlink());
}

/// A journal that says more than is true: the archive is there, so the system is unpacked, not lost.
#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_journal_without_the_files_that_wait_unpacks_again() {
    let root = extracted("installer.tar.gz");
    InstallState::new(root.path()).set_journal(Journal::Switching).unwrap();
    let ended = unpack(root.path());
    assert_eq!(ended.code, 0, "{ended:?}");
    let plain = extracted("image.tar.gz");
    assert_eq!(listing(root.path()), listing(plain.path()));
}

#[test]
fn entry_points_are_old_or_new_at_every_kill() {
    needs_kills!("entry_points_are_old_or_new_at_every_kill");
    let root = TempDir::new().unwrap();
    let victim = Victim {
        command: [env!("CARGO_BIN_EXE_nixos-wsl-install"), "--unpack", &root.path().display().to_string()]
            .map(str::to_owned)
            .to_vec(),
        root: root.path(),
        folders: &["bin", "sbin", "etc"],
        records: &[],
    };
    assert!(victim.kill_everywhere(|| prepare(root.path())) >= 20, "too few kills to prove anything");
}
