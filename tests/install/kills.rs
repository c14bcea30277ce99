//! The installer is killed at any moment, and the next start goes on where it was.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::installer::{DIRECTORY, assert_installed, extracted, imported, listing, unpack};

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_kill_at_any_moment() {
    let plain = extracted("image.tar.gz");
    let expected = listing(plain.path());
    let root = extracted("installer.tar.gz");
    let start = Instant::now();
    assert_eq!(unpack(root.path()).code, 0);
    let whole = start.elapsed().as_micros();
    // Moments spread over the whole run by a fixed sequence; some come after the end, in the switch, and right away.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut kills = 0;
    while kills < 100 {
        let root = extracted("installer.tar.gz");
        for _ in 0..10 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let program = root.path().join(DIRECTORY).join("nixos-wsl-install");
            if !program.exists() {
                break;
            }
            let mut child =
                Command::new(program).arg("--unpack").arg(root.path()).stderr(Stdio::null()).spawn().unwrap();
            let moment = u128::from(seed) % (whole + whole / 10);
            std::thread::sleep(Duration::from_micros(u64::try_from(moment).unwrap()));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        if root.path().join(DIRECTORY).join("manifest.json").exists() {
            let ended = unpack(root.path());
            assert_eq!(ended.code, 0, "{ended:?}");
        }
        let mut found = listing(root.path());
        // A kill between the last rename and the end leaves the installer's own small files.
        found.retain(|line| !line.starts_with(DIRECTORY));
        assert_eq!(found, expected, "after {kills} kills");
    }
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
        for delay in delays {
            let mut first = sim
                .command(["-d", "IN", "nixos-version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // Counted from when the instance is there.
            while !sim.folder("IN").join("instance.json").exists() {
                assert!(first.try_wait().unwrap().is_none(), "the start ended before it began");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(delay));
            // No poweroff, no signal that a program could catch: everything inside is gone at once.
            for pid in sim.processes("IN") {
                if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
            first.wait().unwrap();
        }
        assert_installed(&sim);
    }
}
