//! The installer is killed at any moment, and the next start goes on where it was.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::hash::Hasher;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::installer::{DIRECTORY, assert_installed, extracted, imported, listing, unpack};
use crate::support::kills::{Moments, killed, points, rounds, spread, traced};

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_kill_at_any_moment() {
    let plain = extracted("image.tar.gz");
    let expected = contents(plain.path());
    let root = extracted("installer.tar.gz");
    let start = Instant::now();
    assert_eq!(unpack(root.path()).code, 0);
    let whole = start.elapsed();
    // Moments spread over the whole run; some come after the end, in the switch, and right away.
    let mut moments = Moments::new();
    let most = rounds(20);
    let mut kills = 0;
    while kills < most {
        let root = extracted("installer.tar.gz");
        for _ in 0..10 {
            let program = root.path().join(DIRECTORY).join("nixos-wsl-install");
            if !program.exists() {
                break;
            }
            let mut child =
                Command::new(program).arg("--unpack").arg(root.path()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moments.below(whole + whole / 10));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        finish(root.path(), &expected, &format!("after {kills} kills"));
    }
}

/// Each call that changes the disk is the last one: all of the switch to the new system, and a spread of the thousands
/// that unpack it.
#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_kill_at_every_change() {
    let plain = extracted("image.tar.gz");
    let expected = contents(plain.path());
    let log = tempfile::NamedTempFile::new().unwrap();
    let root = extracted("installer.tar.gz");
    assert!(!killed(&words(root.path(), &traced(log.path(), None, &[]))));
    let all = points(log.path());
    // The last calls are the journal's, the renames of the entry points and the removals.
    let (unpacking, switching) = all.split_at(all.len().saturating_sub(60));
    let most = rounds(12);
    let chosen = [spread(unpacking, most / 2), spread(switching, most / 2)].concat();
    let mut hits = 0;
    for point in &chosen {
        let root = extracted("installer.tar.gz");
        hits += usize::from(killed(&words(root.path(), &traced(log.path(), Some(point), &[]))));
        finish(root.path(), &expected, &format!("{point:?}"));
    }
    println!("{} points, {} tried, {hits} kills", all.len(), chosen.len());
    assert!(hits * 10 >= chosen.len() * 8, "the kills do not hit: {hits} of {}", chosen.len());
}

/// The installer's own command, by words.
pub fn words(root: &Path, tracer: &[String]) -> Vec<String> {
    let mut words = tracer.to_vec();
    words.extend([
        root.join(DIRECTORY).join("nixos-wsl-install").display().to_string(),
        "--unpack".to_owned(),
    ]);
    words.push(root.display().to_string());
    words
}

/// The next start ends the installation, and then every file is there as it is in the image.
pub fn finish(root: &Path, expected: &[String], name: &str) {
    if root.join(DIRECTORY).join("manifest.json").exists() {
        let ended = unpack(root);
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
    }
    let mut found = contents(root);
    // A kill between the last rename and the end leaves the installer's own small files.
    found.retain(|line| !line.starts_with(DIRECTORY));
    let differ = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert!(found == expected, "{name}: {differ:?}, {} files instead of {}", found.len(), expected.len());
}

/// What a root holds, file by file, with what is in each.
pub fn contents(root: &Path) -> Vec<String> {
    let mut lines = listing(root);
    for line in &mut lines {
        let path = root.join(line.split(' ').next().unwrap());
        if path.is_symlink() || !path.is_file() {
            continue;
        }
        // Nobody chooses contents to collide here.
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(&std::fs::read(path).unwrap());
        *line = format!("{line} {:x}", hasher.finish());
    }
    lines
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_kill_of_the_whole_distribution_loses_nothing() {
    let Some(sim) = imported("a_kill_of_the_whole_distribution_loses_nothing") else { return };
    for delay in [20, 200, 500] {
        let mut first = sim
            .command(["-d", "IN", "nixos-version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        sim.ok(["--terminate", "IN"]);
        first.wait().unwrap();
    }
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_kill_of_process_1_at_any_moment_loses_nothing() {
    for delays in [[5, 150], [60, 350], [250, 600]] {
        let Some(sim) = imported("a_kill_of_process_1_at_any_moment_loses_nothing") else { return };
        let mut killed = None;
        for delay in delays {
            let mut first = sim.command(["-d", "IN", "nixos-version"]);
            let mut first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // Counted from this instance's first process; the record of a killed one stays until the next start.
            let begun = || sim.try_supervisor("IN").filter(|&supervisor| Some(supervisor) != killed);
            while begun().is_none() || sim.processes("IN").is_empty() {
                let going_on = first.try_wait().unwrap().is_none();
                assert!(going_on, "the start ended before it began: {:?}", first.wait_with_output());
                std::thread::sleep(Duration::from_millis(1));
            }
            killed = begun();
            std::thread::sleep(Duration::from_millis(delay));
            // No poweroff, no signal that a program could catch: everything inside is gone at once.
            for pid in sim.processes("IN") {
                if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
            first.wait_with_output().unwrap();
        }
        assert_installed(&sim);
    }
}
