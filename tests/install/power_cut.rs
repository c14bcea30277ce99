//! The power is cut during the installation: the next start goes on with what had reached the disk.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::kills::{contents, finish, words};
use crate::support::installer::{DIRECTORY, extract_to, extracted, unpack};
use crate::support::kills::{Moments, killed, points, rounds, spread, traced};
use crate::support::power::Disk;

/// As WSL mounts its disk, and as ext4 is where it does not save programs from themselves.
const OPTIONS: [&str; 2] = ["", "data=writeback,noauto_da_alloc"];
/// MiB: room for the installer, the system it brings, and some.
const SIZE: u32 = 900;

/// A root on a disk with the installer in it, all of it on the device.
fn installer(disk: &Disk, number: usize) -> PathBuf {
    let root = disk.path().join(format!("root-{number}"));
    std::fs::create_dir(&root).unwrap();
    extract_to(&root);
    disk.sync();
    root
}

fn remove(root: &Path) {
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_power_cut_at_any_moment() {
    let plain = extracted("image.tar.gz");
    let expected = contents(plain.path());
    let mut moments = Moments::new();
    for options in OPTIONS {
        let disk = Disk::new(SIZE, options);
        let root = installer(&disk, 0);
        let start = Instant::now();
        assert_eq!(unpack(&root).code, 0);
        let whole = start.elapsed();
        remove(&root);
        for round in 1..=rounds(4) {
            let root = installer(&disk, round);
            let program = root.join(DIRECTORY).join("nixos-wsl-install");
            let mut child =
                Command::new(program).arg("--unpack").arg(&root).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moments.below(whole + whole / 10));
            disk.cut();
            let _ = child.kill();
            child.wait().unwrap();
            disk.restart();
            finish(&root, &expected, &format!("{options} round {round}"));
            remove(&root);
        }
    }
}

/// The power goes before each of the last calls that change the disk: the journal's, the renames of the entry points, the
/// removals; and after the installer has said that it is done.
#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_power_cut_at_every_change_of_the_switch() {
    let plain = extracted("image.tar.gz");
    let expected = contents(plain.path());
    let log = tempfile::NamedTempFile::new().unwrap();
    for options in OPTIONS {
        let disk = Disk::new(SIZE, options);
        let root = installer(&disk, 0);
        assert!(!killed(&words(&root, &traced(log.path(), None, &[]))));
        let all = points(log.path());
        remove(&root);
        let switching = &all[all.len().saturating_sub(60)..];
        let chosen = spread(switching, rounds(6));
        for (round, point) in (1..).zip(chosen.iter().map(Some).chain([None])) {
            let root = installer(&disk, round);
            let done = !killed(&words(&root, &traced(log.path(), point, &[])));
            disk.cut();
            disk.restart();
            let name = format!("{options} {point:?}");
            let manifest = root.join(DIRECTORY).join("manifest.json");
            assert!(!done || !manifest.exists(), "{name}: it was done, and is not any more");
            finish(&root, &expected, &name);
            remove(&root);
        }
    }
}
