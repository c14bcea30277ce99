//! Several distributions of one virtual machine whose first shells start systemd, in every layout of WSL's cgroups (W§5.4).
#![cfg(feature = "sim")]

use std::process::{Child, Stdio};

use crate::support::sim::shells::{NAME, imported, ok, outside, systemd};
use crate::support::sim::{Sim, bundled, exists};

/// One of each layout: hybrid, shared, isolated, namespaced.
const VERSIONS: [Option<&str>; 4] = [Some("2.4.13"), Some("2.9.4"), Some("2.9.9"), Some("2.10.0")];

/// A sleeping process in the user's session, seen from this machine by its own duration.
fn sleeper(sim: &Sim, name: &str, seconds: &str) -> Child {
    let mut shell = sim.command(["-d", name, "--", "sh", "-c", &format!("sleep {seconds} & echo up; wait")]);
    let mut shell = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wsl-sim");
    let mut line = String::new();
    let output = shell.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("its output");
    assert_eq!(line, "up\n", "{name}");
    shell
}

/// Where systemd runs: its process as the distribution knows it outside; and what it says of itself and of the user's own.
fn state(sim: &Sim, name: &str) -> String {
    let line = "systemctl is-system-running; systemctl --user is-system-running; id -un; cat /proc/1/comm";
    let ended = sim.run(["-d", name, "--", "sh", "-c", line]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{name}: {ended:?}");
    let pid = sim.outside(name, "grep -o '\"pid\":[0-9]*' /run/nixos-wsl/state");
    format!("{}{pid}", ended.out)
}

fn is_up(state: &str) -> bool {
    state.starts_with("running\nrunning\nnixos\nsystemd\n")
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn one_stops_and_the_others_live() {
    let Some(mut sim) = imported("one_stops_and_the_others_live") else { return };
    let names = [NAME, "Second", "Third"];
    for name in &names[1..] {
        assert_eq!(sim.import(name, &bundled("namespace-image.tar.gz")).code, 0);
    }
    for version in VERSIONS {
        sim.version = version;
        // All at once: each first shell starts its own.
        let starts: Vec<Child> = names
            .iter()
            .map(|name| sim.command(["-d", name, "--", "true"]).spawn().expect("wsl-sim"))
            .collect();
        for mut start in starts {
            assert!(start.wait().expect("its end").success(), "{version:?}");
        }
        let before = names.map(|name| state(&sim, name));
        assert!(before.iter().all(|state| is_up(state)), "{version:?}: {before:?}");
        // Process 1 of each says what it has done to the cgroups.
        for name in names {
            let log = sim.outside(name, "cat /var/log/nixos-wsl-boot.log");
            let line = "/sys/fs/cgroup: not the unified hierarchy; it takes the place of what is there";
            let said = log.lines().filter(|said| said.contains(line)).count();
            assert_eq!(said, usize::from(version == VERSIONS[0]), "{version:?}: {log}");
        }
        let mut sleepers = names.map(|name| sleeper(&sim, name, "100000"));
        assert_eq!(sim.outside("Second", "nixos-wsl stop"), "systemd has stopped.");
        assert!(sleepers[1].wait().is_ok(), "its sessions end with it");
        for number in [0, 2] {
            assert_eq!(state(&sim, names[number]), before[number], "{version:?}: the same systemd");
            assert!(
                sleepers[number].try_wait().expect("a process").is_none(),
                "{version:?}: a session is gone"
            );
        }
        // It comes again, and the others are as they were.
        assert!(is_up(&state(&sim, "Second")), "{version:?}");
        sim.ok(["-t", "Third"]);
        assert_eq!(state(&sim, NAME), before[0], "{version:?}: after the end of another");
        assert!(sleepers[0].try_wait().expect("a process").is_none(), "{version:?}: a session is gone");
        sim.ok(["--shutdown"]);
        for mut sleeper in sleepers {
            sleeper.wait().expect("its end");
        }
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_killed_starter_and_a_name_that_is_used_again() {
    let Some(mut sim) = imported("a_killed_starter_and_a_name_that_is_used_again") else { return };
    assert_eq!(sim.import("Second", &bundled("namespace-image.tar.gz")).code, 0);
    for version in VERSIONS {
        sim.version = version;
        let second = state(&sim, "Second");
        // The program that starts systemd is killed as soon as there is a process that becomes systemd.
        let mut shell =
            sim.command(["-d", NAME, "--", "true"]).stderr(Stdio::null()).spawn().expect("wsl-sim");
        let line = "until grep -q pid /run/nixos-wsl/state 2>/dev/null; do sleep 0.01; done; pkill -9 -x nixos-wsl-enter; true";
        outside(&sim, line);
        shell.wait().expect("its end");
        assert!(is_up(&state(&sim, NAME)), "{version:?}");
        assert_eq!(
            outside(&sim, "pgrep -fxc 'systemd --log-target=journal.*|/sbin/init --log-target.*'"),
            "1"
        );
        assert_eq!(state(&sim, "Second"), second, "{version:?}: the same systemd");
        // A distribution of the same name, while the other one goes on.
        sim.ok(["--unregister", NAME]);
        assert_eq!(sim.import(NAME, &bundled("namespace-image.tar.gz")).code, 0);
        assert!(is_up(&state(&sim, NAME)), "{version:?}");
        assert_eq!(state(&sim, "Second"), second, "{version:?}: the same systemd");
        // Killed with everything: its group stays in the virtual machine, empty, and is used again.
        sim.ok(["-t", NAME]);
        assert!(is_up(&state(&sim, NAME)), "{version:?}");
        sim.ok(["--shutdown"]);
    }
}

/// Whoever has made the group that this distribution would take has processes in it: they are not ours to kill.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_group_without_a_record_is_left_alone() {
    let Some(mut sim) = imported("a_group_without_a_record_is_left_alone") else { return };
    for version in [Some("2.9.4"), Some("2.10.0")] {
        sim.version = version;
        ok(&sim, "true");
        let group = outside(&sim, "find /sys/fs/cgroup -maxdepth 3 -name 'nixos-wsl-*'");
        assert_eq!(group.lines().count(), 1, "{version:?}: {group}");
        outside(&sim, "nixos-wsl stop");
        let other = format!(
            "trap '' HUP; mkdir {group}; sleep 100000 </dev/null >/dev/null 2>&1 & echo $! >{group}/cgroup.procs; echo $! >/run/other"
        );
        outside(&sim, &other);
        ok(&sim, "true");
        assert_eq!(
            outside(
                &sim,
                "kill -0 $(cat /run/other) && grep -o 'nixos-wsl-.*\"' /run/nixos-wsl/state | cut -d '\"' -f 1"
            ),
            format!("{}-2", group.rsplit('/').next().expect("a name")),
            "{version:?}"
        );
        // One that is recorded goes, whatever is in it.
        outside(&sim, "nixos-wsl stop; kill -9 $(cat /run/other)");
        sim.ok(["--shutdown"]);
    }
}

/// Where `/sys/fs/cgroup` takes no writes, and where it is not mounted at all.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_hierarchy_is_read_only_or_missing() {
    let Some(mut sim) = imported("the_hierarchy_is_read_only_or_missing") else { return };
    for version in [Some("2.9.4"), Some("2.9.9"), Some("2.10.0")] {
        for change in ["mount -o remount,bind,ro /sys/fs/cgroup", "umount /sys/fs/cgroup"] {
            sim.version = version;
            outside(&sim, change);
            assert!(is_up(&state(&sim, NAME)), "{version:?} {change}");
            let line = "grep -o '0::/user.slice/user-1000.slice/session-' /proc/self/cgroup; mkdir -p /tmp; systemd-run --user --wait -q true";
            assert_eq!(ok(&sim, line), "0::/user.slice/user-1000.slice/session-", "{version:?} {change}");
            assert_eq!(outside(&sim, "nixos-wsl stop"), "systemd has stopped.", "{version:?} {change}");
            sim.ok(["--shutdown"]);
        }
    }
}

/// A unit with limits starts where there are no controllers for them: this machine's may be another hierarchy's, and the
/// simulator has none to give (docs/testing.md). Where there are, the group has the limits.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_unit_with_limits_starts() {
    let test = "a_unit_with_limits_starts";
    let Some(mut sim) = imported(test) else { return };
    let script = "cd /sys/fs/cgroup$(grep -o '/system.slice/run-.*' /proc/self/cgroup) && pwd && \
                  grep -s . memory.max pids.max cpu.max; true";
    std::fs::write(sim.inside(NAME, "limits"), script).expect("a file");
    let mut held = 0;
    for version in VERSIONS {
        sim.version = version;
        let line =
            "sudo systemd-run -q --wait --pipe -p MemoryMax=64M -p TasksMax=20 -p CPUQuota=50% sh /limits";
        let out = ok(&sim, line);
        let (group, limits) = out.split_once('\n').unwrap_or((&out, ""));
        assert!(group.starts_with("/sys/fs/cgroup/system.slice/run-"), "{version:?}: {out}");
        let controllers = ok(&sim, "cat /sys/fs/cgroup/cgroup.controllers");
        let has = |name: &&(&str, &str)| controllers.split(' ').any(|controller| controller == name.0);
        let expected =
            [("memory", "memory.max:67108864"), ("pids", "pids.max:20"), ("cpu", "cpu.max:50000 100000")];
        let expected: Vec<_> = expected.iter().filter(has).map(|(_, limit)| *limit).collect();
        assert_eq!(limits.lines().collect::<Vec<_>>(), expected, "{version:?}: {controllers}");
        held += expected.len();
        sim.ok(["--shutdown"]);
    }
    if held == 0 {
        println!("SKIP {test}, the limits of it: no controllers in this cgroup2 hierarchy");
    }
}

/// Nothing of it is left on the machine.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn many_starts_and_stops_leave_nothing() {
    let test = "many_starts_and_stops_leave_nothing";
    let Some(mut sim) = imported(test) else { return };
    let cycles = std::env::var("NIXOS_WSL_CYCLES").ok().map_or(8, |text| text.parse().expect("a number"));
    let cycles = cycles / VERSIONS.len();
    for version in VERSIONS {
        sim.version = version;
        for cycle in 0..cycles {
            let sessions: Vec<Child> =
                (0..2).map(|_| sim.command(["-d", NAME, "--", "true"]).spawn().expect("wsl-sim")).collect();
            for mut session in sessions {
                assert!(session.wait().expect("its end").success(), "{version:?} {cycle}");
            }
            let (one, group) = (systemd(&sim), sim.cgroup(NAME).expect("a cgroup"));
            assert!(one.parse::<u32>().is_ok(), "{one}");
            let processes = sim.processes(NAME);
            if cycle % 2 == 0 {
                assert_eq!(outside(&sim, "nixos-wsl stop"), "systemd has stopped.");
                assert_eq!(outside(&sim, &crate::support::sim::shells::groups()), "0", "{version:?} {cycle}");
            }
            sim.ok(["-t", NAME]);
            assert!(!group.exists(), "{version:?} {cycle}: a cgroup is left");
            assert!(!processes.iter().any(|&pid| exists(pid)), "{version:?} {cycle}: a process is left");
            assert_eq!(sim.leftover_processes(), [""; 0], "{version:?} {cycle}");
            assert_eq!(sim.leftover_files(NAME), [""; 0], "{version:?} {cycle}");
        }
    }
}
