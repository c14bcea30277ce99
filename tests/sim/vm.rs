//! The virtual machine that a registry's distributions share, and its layouts of cgroups by WSL's version (W§5.4).
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, exists, image_name, with_input};

/// Paths as a distribution of the namespace image sees them, where no systemd runs, and as one where WSL starts it.
struct Layout {
    version: &'static str,
    name: &'static str,
    /// Session, WSL's init, systemd: `N` stands for the distribution's number.
    native: [&'static str; 3],
    /// Session, WSL's init.
    plain: [&'static str; 2],
}

const LAYOUTS: [Layout; 4] = [
    Layout { version: "2.4.13", name: "hybrid", native: ["/", "/", "/own"], plain: ["/", "/"] },
    Layout { version: "2.9.4", name: "shared", native: ["/", "/", "/own"], plain: ["/", "/"] },
    Layout {
        version: "2.9.9",
        name: "isolated",
        native: ["/wsl-user/distro-N/non-systemd", "/", "/wsl-user/distro-N/systemd"],
        plain: ["/wsl-user/distro-N", "/"],
    },
    Layout {
        version: "2.10.0",
        name: "namespaced",
        native: ["/non-systemd", "/../..", ""],
        plain: ["/non-systemd", "/../.."],
    },
];

/// The line of the unified hierarchy, with the numbers of a distribution and of our own group left out.
fn group(sim: &Sim, name: &str, process: &str) -> String {
    let text = sim.outside(name, &format!("cat /proc/{process}/cgroup"));
    let path = text.lines().find_map(|line| line.strip_prefix("0::")).expect("a line").to_owned();
    let parts = path.split('/').map(|part| match part.strip_prefix("nixos-wsl-") {
        Some(_) => "own".to_owned(),
        None if part.starts_with("distro-") => "distro-N".to_owned(),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn cgroups_are_those_of_the_version() {
    let Some(mut sim) = Sim::for_starts("cgroups_are_those_of_the_version") else { return };
    sim.import_image("Native", "image.tar.gz");
    sim.import_image("Plain", "namespace-image.tar.gz");
    for Layout { version, name, native, plain } in LAYOUTS {
        sim.version = Some(version);
        let expected = format!("WSL version: {version} (cgroups: {name})");
        assert!(sim.ok(["--status"]).lines().any(|line| line == expected), "{version}");
        assert_eq!(sim.outside("Native", "wslinfo --wsl-version"), version);
        assert_eq!(sim.outside("Native", "systemctl is-system-running"), "running", "{version}");
        let init = format!("{}/init.scope", native[2]);
        let found = ["self", "2", "1"].map(|process| group(&sim, "Native", process));
        assert_eq!(found, [native[0], native[1], &init], "{version}");
        let log = sim.outside("Native", "cat /var/log/nixos-wsl-boot.log");
        for (line, layouts) in [
            (
                "/sys/fs/cgroup: not the unified hierarchy; it takes the place of what is there",
                &["hybrid"][..],
            ),
            (
                "cgroups: this WSL gives every distribution the same one; systemd gets /nixos-wsl-",
                &["hybrid", "shared"],
            ),
        ] {
            assert_eq!(
                log.lines().filter(|said| said.contains(line)).count(),
                usize::from(layouts.contains(&name)),
                "{log}"
            );
        }
        let found = ["self", "1"].map(|process| group(&sim, "Plain", process));
        assert_eq!(found, plain, "{version}");
        // What runs decides, not what is asked for.
        sim.version = Some("2.9.5");
        assert!(sim.ok(["--status"]).lines().any(|line| line == expected), "{version}");
        assert_eq!(sim.outside("Plain", "wslinfo --wsl-version"), version);
        sim.ok(["--shutdown"]);
    }
    sim.version = Some("newest");
    let refused = sim.run(["--status"]);
    assert!(refused.err.contains("WSL_SIM_VERSION is a version of WSL such as 2.9.4"), "{refused:?}");
    sim.version = None;
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn distributions_share_one_machine_until_the_last_ends() {
    let test = "distributions_share_one_machine_until_the_last_ends";
    let Some(sim) = Sim::for_starts(test) else { return };
    for name in ["One", "Two"] {
        sim.import_image(name, "namespace-image.tar.gz");
    }
    sim.outside("One", "echo one >/mnt/wsl/file; mkdir /mnt/wsl/disk");
    let network = |name: &str| sim.outside(name, "readlink /proc/self/ns/net /proc/1/ns/net");
    assert_eq!(network("One"), network("Two"));
    assert_eq!(sim.outside("Two", "cat /mnt/wsl/file"), "one");
    // One kernel, which has been up for the same time, and Windows' name where a wsl.conf names none (W§2).
    let uptime = |name: &str| -> f64 {
        let line = sim.outside(name, "cat /proc/uptime");
        line.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
    };
    let up = uptime("One");
    let hosts = |name: &str| sim.outside(name, "cat /proc/sys/kernel/hostname /etc/hostname");
    assert_eq!([hosts("One"), hosts("Two")], ["Test-PC\nTest-PC"; 2]);
    // What is mounted below is there in both (`wsl --mount`).
    sim.outside("Two", "mount -t tmpfs disk /mnt/wsl/disk && echo two >/mnt/wsl/disk/file");
    assert_eq!(sim.outside("One", "cat /mnt/wsl/disk/file"), "two");
    let (group, vm) = (sim.cgroup("One").expect("a cgroup"), sim.home().join("vm.json"));
    assert_eq!(sim.cgroup("Two").as_ref(), Some(&group));
    for kind in ["mnt", "uts", "ipc", "pid"] {
        let namespace = |name: &str| sim.outside(name, &format!("readlink /proc/1/ns/{kind}"));
        assert_ne!(namespace("One"), namespace("Two"), "{kind}");
    }
    sim.ok(["-t", "One"]);
    assert!(group.exists() && vm.exists());
    let conf = sim.inside("One", "etc/wsl.conf");
    let before = fs::read_to_string(&conf).expect("wsl.conf");
    fs::write(&conf, format!("{before}\n[network]\nhostname = My--Own_!\n")).expect("wsl.conf");
    assert_eq!(sim.outside("One", "cat /mnt/wsl/file"), "one", "the same machine");
    assert_eq!([hosts("One"), hosts("Two")], ["My-Own\nMy-Own", "Test-PC\nTest-PC"], "its own name alone");
    let (two, one) = (uptime("Two"), uptime("One"));
    assert!(up < two && two <= one, "one that starts again is in the same machine: {up} {two} {one}");
    sim.ok(["-t", "One"]);
    sim.ok(["-t", "Two"]);
    assert!(!group.exists() && !vm.exists(), "it ends with the last");
    assert_eq!(sim.outside("One", "ls /mnt/wsl"), "resolv.conf", "another machine");
}

/// However its parts are killed, the next command finds nothing of it, and the next start another one.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_machine_whose_parts_are_killed() {
    let Some(sim) = Sim::for_starts("a_machine_whose_parts_are_killed") else { return };
    for name in ["One", "Two"] {
        sim.import_image(name, "namespace-image.tar.gz");
    }
    let kill = |pid: u32| {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    };
    let init = || -> u32 {
        let json = fs::read(sim.home().join("vm.json")).expect("a machine");
        let vm: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        vm["init"]["pid"].as_u64().and_then(|pid| pid.try_into().ok()).expect("a process id")
    };
    for name in ["One", "Two"] {
        sim.outside(name, "true");
    }
    // Every supervisor: the machine ends by itself.
    let (group, machine) = (sim.cgroup("One").expect("a cgroup"), init());
    kill(sim.supervisor("One"));
    kill(sim.supervisor("Two"));
    eventually("the machine ends", || !exists(machine));
    eventually("no cgroup is left", || !Path::new(&group).exists());
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "");
    // Its first process: what runs goes on, the next start is in another machine.
    sim.outside("One", "true");
    let group = sim.cgroup("One").expect("a cgroup");
    kill(init());
    assert_eq!(sim.outside("One", "echo still"), "still");
    sim.ok(["-t", "One"]);
    assert_eq!(with_input(&mut sim.command(["-l", "--running", "-q"]), b"").out, "");
    assert!(!group.exists() && !sim.home().join("vm.json").exists());
    assert_eq!(sim.outside("Two", "echo again"), "again");
}

/// A start that is killed before the machine has a record leaves the folder that would have been shared.
#[test]
fn what_a_killed_start_has_left_goes() {
    let sim = Sim::new();
    sim.tiny("One");
    let shared = sim.home().join("vm.shared");
    fs::create_dir(&shared).expect("a folder");
    sim.ok(["-l", "-q"]);
    assert!(!shared.exists());
}

/// What a systemd that stops a user's session does since version 253: it kills the session's group as a whole.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_end_of_a_session_is_not_the_end_of_anothers() {
    let test = "the_end_of_a_session_is_not_the_end_of_anothers";
    let Some(mut sim) = Sim::for_starts(test) else { return };
    for name in ["One", "Two"] {
        sim.import_image(name, "image.tar.gz");
    }
    for Layout { version, .. } in LAYOUTS {
        sim.version = Some(version);
        let as_user = |name: &str, line: &str| sim.ok(["-d", name, "-e", "/bin/sh", "-c", line]);
        as_user("One", "systemd-run --user --unit mine -q sleep 100000");
        assert_eq!(as_user("Two", "systemctl --user is-system-running --wait"), "running", "{version}");
        let manager = "systemctl show -P MainPID user@1000.service";
        let before = sim.outside("One", manager);
        let kill = "group=$(systemctl show -P ControlGroup user@1000.service); echo 1 >/sys/fs/cgroup$group/cgroup.kill; \
                    timeout 30 systemctl restart user@1000.service; systemctl is-active user@1000.service";
        assert_eq!(sim.outside("Two", kill), "active", "{version}");
        assert_eq!(as_user("One", "systemctl --user is-active mine"), "active", "{version}");
        assert_eq!(sim.outside("One", manager), before, "{version}: the same process");
        sim.ok(["-t", "Two"]);
        assert_eq!(
            as_user("One", "systemctl --user is-active mine; systemctl is-system-running"),
            "active\nrunning"
        );
        sim.ok(["--shutdown"]);
    }
}

/// Starts and stops with sessions, as many as `NIXOS_WSL_CYCLES` says, in each layout: nothing of them is left on the machine.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn many_starts_and_stops_leave_nothing() {
    let Some(mut sim) = Sim::for_starts("many_starts_and_stops_leave_nothing") else { return };
    sim.import_image("NixOS", "image.tar.gz");
    let cycles = std::env::var("NIXOS_WSL_CYCLES").ok().map_or(4, |text| text.parse().expect("a number"));
    for Layout { version, .. } in LAYOUTS {
        sim.version = Some(version);
        for cycle in 0..cycles / LAYOUTS.len() {
            let session = || sim.command(["-d", "NixOS", "--", "true"]).spawn().expect("wsl-sim");
            for mut session in [session(), session()] {
                assert!(session.wait().expect("its end").success(), "{version} {cycle}");
            }
            assert_eq!(sim.outside("NixOS", "systemctl is-system-running --wait"), "running");
            let (group, processes) = (sim.cgroup("NixOS").expect("a cgroup"), sim.processes("NixOS"));
            assert!(processes.len() > 5, "{version} {cycle}: {processes:?}");
            sim.ok(["-t", "NixOS"]);
            assert_eq!(sim.hidden("NixOS"), "", "{version} {cycle}");
            assert!(!group.exists(), "{version} {cycle}: a cgroup is left");
            assert!(!processes.iter().any(|&pid| exists(pid)), "{version} {cycle}: a process is left");
            assert_eq!(sim.leftover_processes(), [""; 0], "{version} {cycle}");
            assert_eq!(sim.leftover_files("NixOS"), [""; 0], "{version} {cycle}");
        }
    }
}

/// As many as `NIXOS_WSL_DISTRIBUTIONS` says, all at once: each is up without a failed unit, and stops without being killed.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn many_distributions_are_up_at_once() {
    let Some(sim) = Sim::for_starts("many_distributions_are_up_at_once") else { return };
    let count =
        std::env::var("NIXOS_WSL_DISTRIBUTIONS").ok().map_or(2, |text| text.parse().expect("a number"));
    let names: Vec<String> = (1..=count).map(|number| format!("Number{number}")).collect();
    for name in &names {
        sim.import_image(name, image_name());
    }
    let start = Instant::now();
    let line = "until systemctl is-system-running | grep -qx -e running -e degraded; do sleep 0.2; done; \
                systemctl is-system-running; systemctl --failed --no-legend --plain; systemctl --user is-system-running --wait";
    let shells: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = sim.command(["-d", name.as_str(), "--", "bash", "-c", line]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wsl-sim")
        })
        .collect();
    for (name, shell) in names.iter().zip(shells) {
        let output = shell.wait_with_output().expect("its end");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text, "running\nrunning\n", "{name}: {output:?}");
    }
    println!("{count} distributions are up after {:.1} s", start.elapsed().as_secs_f32());
    let group = sim.cgroup(&names[0]).expect("a cgroup");
    for name in &names {
        sim.ok(["-t", name]);
        assert_eq!(sim.hidden(name), "", "{name}");
    }
    assert!(!group.exists() && !sim.home().join("vm.json").exists(), "the virtual machine is left");
}
