//! What can go wrong with an installation: it is said, nothing claims to be whole, and the next start goes on.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::process::Signal;

use crate::support::installer::{
    ARCHIVE, DIRECTORY, Disk, assert_installed, assert_refused, extract_to, extracted, imported, imported_as,
    imported_on_disk, listing, listing_of_names, unpack, version,
};
use crate::support::sim::signal;

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_flipped_byte_is_found_and_said() {
    let Some(sim) = imported("a_flipped_byte_is_found_and_said") else { return };
    let path = sim.inside("IN", ARCHIVE);
    let archive = fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut byte = [0];
    let middle = archive.metadata().unwrap().len() / 2;
    archive.read_exact_at(&mut byte, middle).unwrap();
    archive.write_all_at(&[byte[0] ^ 1], middle).unwrap();
    assert_refused(&sim, "is damaged", "wsl --unregister IN");
    // Repaired, the next start goes on.
    archive.write_all_at(&byte, middle).unwrap();
    sim.ok(["--terminate", "IN"]);
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_missing_archive_is_said() {
    let Some(sim) = imported("a_missing_archive_is_said") else { return };
    fs::remove_file(sim.inside("IN", ARCHIVE)).unwrap();
    assert_refused(&sim, "cannot be read", "wsl --unregister IN");
    // Not even the rescue's commands count as a system.
    let ended = sim.run(["-d", "IN", "-u", "root", "-e", "/bin/sh", "-c", "ls /etc"]);
    assert!(ended.out.contains("wsl.conf"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_is_too_small_is_said_before_the_first_write() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=60m");
    extract_to(folder.path());
    let before = listing_of_names(folder.path());
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("MB free, and the system needs"), "{ended:?}");
    assert!(ended.err.contains("Nothing was changed."), "{ended:?}");
    assert_eq!(listing_of_names(folder.path()), before);
    disk.remount("size=400m");
    assert_eq!(unpack(folder.path()).code, 0);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_runs_full_is_said_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=190m");
    extract_to(folder.path());
    // Somebody else takes the room once the check has passed.
    let mut child = Command::new(folder.path().join(DIRECTORY).join("nixos-wsl-install"))
        .arg("--unpack")
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !folder.path().join(DIRECTORY).join("journal").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_micros(200));
    }
    let hog = take_the_room(folder.path(), &[child.id()]);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the disk is full") && text.contains("stays"), "{text}");
    fs::remove_file(hog).unwrap();
    disk.remount("size=400m");
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 0, "{ended:?}");
}

/// Fills a disk with a file, while who writes there stands still.
fn take_the_room(disk: &Path, writers: &[u32]) -> PathBuf {
    let send = |kind| writers.iter().for_each(|&pid| signal(pid, kind));
    send(Signal::STOP);
    let hog = disk.join("hog");
    let file = fs::File::create(&hog).unwrap();
    let room = || {
        let found = statvfs(disk).unwrap();
        found.f_bavail * found.f_frsize
    };
    // A write that had begun may still take a part of it.
    while room() > 0 && fallocate(&file, FallocateFlags::empty(), 0, room()).is_err() {}
    send(Signal::CONT);
    hog
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_read_only_root_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=400m");
    extract_to(folder.path());
    disk.remount("ro");
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("read-only") && ended.err.contains("wsl --shutdown"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_link_in_the_way_leads_nowhere() {
    let root = extracted("installer.tar.gz");
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("nix")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("nix/store")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("etc/nixos")).unwrap();
    let ended = unpack(root.path());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "something was written outside");
    let plain = extracted("image.tar.gz");
    assert_eq!(listing(root.path()), listing(plain.path()));
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_runs_full_at_the_first_start_is_said() {
    let test = "a_disk_that_runs_full_at_the_first_start_is_said";
    let Some((sim, disk)) = imported_on_disk(test, "size=220m") else { return };
    let command =
        sim.command(["-d", "IN", "nixos-version"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    while !sim.inside("IN", &format!("{DIRECTORY}/journal")).exists() {
        std::thread::sleep(Duration::from_micros(200));
    }
    // Somebody else takes the room once the check has passed.
    let hog = take_the_room(&disk.0, &sim.processes("IN"));
    let output = command.unwrap().wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{message}");
    assert!(message.contains("the disk is full") && message.contains("wsl --terminate IN"), "{message}");
    // The next shell says the same, and there is no half system.
    assert_refused(&sim, "the disk is full", "wsl --terminate IN");
    fs::remove_file(hog).unwrap();
    disk.remount("size=500m");
    sim.ok(["--terminate", "IN"]);
    assert_installed(&sim);
    sim.ok(["--unregister", "IN"]);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_wsl_mounts_read_only_is_said() {
    let test = "a_disk_that_wsl_mounts_read_only_is_said";
    let Some((sim, disk)) = imported_on_disk(test, "size=500m") else { return };
    // Not a name more: WSL cannot make its own, and starts the distribution on what it can only read.
    let found = statvfs(&disk.0).unwrap();
    disk.remount(&format!("nr_inodes={}", found.f_files - found.f_ffree));
    assert_refused(&sim, "read-only", "wsl --shutdown");
    disk.remount("nr_inodes=1000000");
    sim.ok(["--shutdown"]);
    assert_installed(&sim);
    sim.ok(["--unregister", "IN"]);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn an_activation_that_fails_in_part_is_said_and_the_system_starts() {
    let test = "an_activation_that_fails_in_part_is_said_and_the_system_starts";
    let Some(sim) = imported_as(test, "failing-installer.tar.gz") else { return };
    let ended = version(&sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.4\n"), "{ended:?}");
    assert!(ended.err.contains("/var/log/nixos-wsl-boot.log has its output"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_system_that_does_not_start_is_said_and_is_no_success() {
    let test = "a_system_that_does_not_start_is_said_and_is_no_success";
    let Some(sim) = imported_as(test, "broken-installer.tar.gz") else { return };
    sim.let_limits_expire();
    let ended = version(&sim);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    for part in ["NixOS is installed, but it does not start", "is whole", "wsl --terminate IN"] {
        assert!(ended.err.contains(part), "no {part:?}: {ended:?}");
    }
    assert!(!sim.inside("IN", DIRECTORY).exists(), "the installation itself is over");
}
