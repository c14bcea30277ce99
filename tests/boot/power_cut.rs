//! The power is cut: what was not brought to the disk is lost, and the next start has a system all the same (U§3 F36).
//!
//! The disk is told that it is cut, and mounts again with what had reached it (`support/power.rs`).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use nixos_wsl::boot::counting;
use nixos_wsl::system::root::Root;

use super::kills::{Kills, tracer_of_init};
use crate::support::kills::{rounds, spread, traced};
use crate::support::power::Disk;

/// As WSL mounts its disk, and as ext4 is where it does not save programs from themselves.
const OPTIONS: [&str; 2] = ["", "data=writeback,noauto_da_alloc"];
/// MiB: also for programs with everything for a debugger in them.
const SIZE: u32 = 600;

/// The power goes before each call of `nixos-wsl apply` that changes the disk, and after the last.
#[test]
fn f36_apply_cut_off_at_every_change_leaves_old_or_new() {
    needs_strace!("f36_apply_cut_off_at_every_change_leaves_old_or_new");
    for options in OPTIONS {
        let disk = Disk::new(SIZE, options);
        let kills = Kills::on(&disk.path());
        kills.plan(0);
        let all = kills.points_of(&["apply", "/etc/root.json"]);
        let chosen = spread(&all, rounds(8));
        let log = tempfile::NamedTempFile::new().unwrap();
        for (round, point) in (1..).zip(chosen.iter().map(Some).chain([None])) {
            let name = format!("{options} {point:?}");
            kills.plan(round);
            disk.sync();
            let done = kills.apply(&traced(log.path(), point, &[])).status.success();
            disk.cut();
            disk.restart();
            let found = kills.sources(&name);
            // Who was told that it is done need not fear for it.
            assert!(!done || found == [round % 2; 5], "{name}: {found:?}");
            assert!(kills.apply(&[]).status.success(), "{name}");
            kills.assert_whole(round, &name);
        }
        println!("{options}: {} points, {} tried", all.len(), chosen.len());
    }
}

/// The power goes at any moment of a boot: the next start boots the right generation.
#[test]
fn f36_a_boot_cut_off_at_random_moments_boots_again() {
    needs_world!("f36_a_boot_cut_off_at_random_moments_boots_again");
    for options in OPTIONS {
        let disk = Disk::new(SIZE, options);
        let mut kills = Kills::on(&disk.path());
        for round in 0..rounds(10) {
            kills.plan(round);
            disk.sync();
            let moment = kills.moment(80_000);
            let running = kills.world.start();
            std::thread::sleep(moment);
            disk.cut();
            running.kill();
            disk.restart();
            kills.check(round, &format!("{options} round {round}"));
            kills.world.forget_attempts();
        }
    }
}

/// The power goes before each call of process 1 that changes the disk.
#[test]
fn f36_a_boot_cut_off_at_every_change_boots_again() {
    needs_strace!("f36_a_boot_cut_off_at_every_change_boots_again");
    let disk = Disk::new(SIZE, OPTIONS[1]);
    let mut kills = Kills::on(&disk.path());
    kills.plan(0);
    let all = kills.points_of_boot();
    let chosen = spread(&all, rounds(10));
    let log = tempfile::NamedTempFile::new().unwrap();
    for (round, point) in (1..).zip(&chosen) {
        let name = format!("{point:?}");
        kills.plan(round);
        disk.sync();
        kills.world.tracer = tracer_of_init(log.path(), Some(point));
        let mut running = kills.world.start();
        running.wait_until(|running| running.path("/run/systemd-started").exists());
        disk.cut();
        running.kill();
        kills.world.tracer = Vec::new();
        disk.restart();
        kills.check(round, &name);
        kills.world.forget_attempts();
    }
    println!("{} points, {} tried", all.len(), chosen.len());
}

/// A choice that was acknowledged holds after a power cut, and one that was cut off has done nothing or all.
#[test]
fn f36_a_choice_cut_off_at_every_change_holds_or_does_not() {
    needs_strace!("f36_a_choice_cut_off_at_every_change_holds_or_does_not");
    for options in OPTIONS {
        let disk = Disk::new(SIZE, options);
        let kills = Kills::on(&disk.path());
        let log = tempfile::NamedTempFile::new().unwrap();
        for arguments in [&["boot", "1"][..], &["boot", "1", "--once"]] {
            let all = kills.points_of(arguments);
            for point in spread(&all, rounds(6)).iter().map(Some).chain([None]) {
                let name = format!("{options} {arguments:?} {point:?}");
                assert!(kills.command(&[], &["boot", "2"]).status.success());
                disk.sync();
                let done = kills.command(&traced(log.path(), point, &[]), arguments).status.success();
                disk.cut();
                disk.restart();
                let (state, warning) = counting::load(&Root::new(kills.world.path("")));
                assert_eq!(warning, None, "{name}");
                let profile = fs::read_link(kills.world.path("nix/var/nix/profiles/system")).unwrap();
                if done && arguments.len() == 3 {
                    assert_eq!(state.once, Some(1), "{name}");
                } else if done {
                    assert_eq!(profile, Path::new("system-1-link"), "{name}");
                }
                assert!(matches!(state.once, None | Some(1)), "{name}");
                assert!(
                    ["system-1-link", "system-2-link"].iter().any(|link| profile == Path::new(link)),
                    "{name}"
                );
            }
        }
    }
}
