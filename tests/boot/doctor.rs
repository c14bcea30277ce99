//! `nixos-wsl doctor` on distributions that run: each fault is named, and what is whole is not.
#![cfg(feature = "sim")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::starts::{install, toplevel, world};
use crate::support::sim::{Sim, bundled};
use crate::support::world::program;

/// What the doctor says, and what kinds of findings there are.
struct Report(Value);

impl Report {
    fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// Without two programs that the stand-in has in its system alone, where its `/bin/sh` finds them.
    fn kinds(&self) -> BTreeSet<&str> {
        let missed = |finding: &&Value| {
            let fault = finding["fault"].as_str().expect("a text");
            ["/bin/grep: ", "/bin/systemctl: "].iter().any(|program| fault.starts_with(program))
        };
        let findings = self.0["findings"].as_array().expect("findings").iter();
        let findings = findings.filter(|finding| !missed(finding));
        findings.map(|finding| finding["kind"].as_str().expect("a kind")).collect()
    }

    /// The fault of the only finding of a kind.
    fn fault(&self, kind: &str) -> &str {
        let findings = self.0["findings"].as_array().expect("findings");
        let mut those = findings.iter().filter(|finding| finding["kind"] == kind);
        let fault = those.next().unwrap_or_else(|| panic!("no {kind}: {}", self.0))["fault"].as_str();
        assert!(those.next().is_none(), "{}", self.0);
        fault.expect("a text")
    }
}

const DOCTOR: [&str; 4] = ["/bin/nixos-wsl", "doctor", "--format", "json"];

/// The doctor as root, started without a shell.
fn doctor(sim: &Sim) -> Report {
    let ended = sim.run([&["-u", "root", "-e"][..], &DOCTOR].concat());
    Report::parse(&ended.out)
}

/// From a process namespace around the distribution's, as WSL's system distribution is.
fn doctor_outside(sim: &Sim) -> Report {
    let mut command = Command::new(program("nixos-wsl"));
    let output = command.args(&DOCTOR[1..]).arg("--root").arg(sim.inside("NixOS", "")).output().unwrap();
    Report::parse(&String::from_utf8_lossy(&output.stdout))
}

fn up(sim: &Sim) {
    sim.sh("NixOS", "systemctl is-system-running --wait || true");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_doctor_names_what_fails_in_a_system_that_runs() {
    let Some(sim) = world("the_doctor_names_what_fails_in_a_system_that_runs") else { return };
    assert_eq!(doctor_outside(&sim).0["facts"], Value::Null, "it does not run");
    up(&sim);
    let healthy = doctor(&sim);
    let none = BTreeSet::new();
    assert_eq!(healthy.kinds(), none, "{}", healthy.0);
    let facts = &healthy.0["facts"];
    assert!(facts["wsl"].as_str().is_some_and(|version| version.starts_with("2.")), "{facts}");
    assert!(facts["kernel"].is_string() && facts["cgroups"] != "none", "{facts}");
    // Here a process is outside of the virtual machine's cgroup namespace too, which nothing is under WSL.
    let mut outside = doctor_outside(&sim).0;
    outside["facts"]["cgroups"] = facts["cgroups"].clone();
    assert_eq!(outside, healthy.0, "the same from outside");
    let user = sim.run([&["-e"][..], &DOCTOR].concat());
    assert_eq!(Report::parse(&user.out).kinds(), none, "{user:?}");

    let line = "https_proxy=http://proxy:1 exec /bin/nixos-wsl doctor --format json";
    let proxied = sim.run(["-u", "root", "-e", "/bin/sh", "-c", line]);
    assert!(Report::parse(&proxied.out).fault("proxy").contains("http_proxy is not"), "{proxied:?}");

    sim.sh(
        "NixOS",
        "systemd-run --quiet --unit=broken false; systemctl is-active broken >/run/broken || true",
    );
    let fstab = sim.inside("NixOS", "etc/fstab");
    let before = fs::read(&fstab).ok();
    fs::write(&fstab, "LABEL=lost /mnt/lost ext4 nofail 0 2\n").expect("fstab");
    sim.sh("NixOS", "until systemctl is-failed --quiet broken; do :; done");
    let failed = doctor(&sim);
    assert_eq!(failed.kinds(), BTreeSet::from(["mount-failed", "unit-failed"]), "{}", failed.0);
    assert!(failed.fault("unit-failed").starts_with("broken.service"), "{}", failed.0);
    assert!(failed.fault("mount-failed").contains("/mnt/lost is not mounted: LABEL=lost"), "{}", failed.0);
    assert_eq!(doctor_outside(&sim).kinds(), failed.kinds());
    match before {
        Some(text) => fs::write(&fstab, text).expect("fstab"),
        None => fs::remove_file(&fstab).expect("fstab"),
    }
    sim.sh("NixOS", "systemctl reset-failed broken");
    assert_eq!(doctor(&sim).kinds(), none);

    sim.sh("NixOS", "systemctl stop user@0.service");
    let ended = doctor(&sim);
    assert_eq!(ended.kinds(), BTreeSet::from(["user-session"]), "{}", ended.0);
    assert!(ended.fault("user-session").starts_with("root has no session"), "{}", ended.0);
    sim.sh("NixOS", "systemctl start user@0.service");

    sim.sh("NixOS", "systemctl stop dbus.socket dbus.service");
    let down = doctor(&sim);
    assert!(down.kinds().contains("system-bus"), "{}", down.0);
    assert!(!down.kinds().contains("systemd-silent"), "root asks systemd itself: {}", down.0);
    let user = Report::parse(&sim.run([&["-e"][..], &DOCTOR].concat()).out);
    assert!(user.kinds().contains("system-bus"), "{}", user.0);
    assert!(doctor_outside(&sim).kinds().contains("system-bus"));
    sim.sh("NixOS", "systemctl start dbus.socket");
    assert!(!doctor(&sim).kinds().contains("system-bus"));

    // Stopped from outside, as a systemd that has "frozen execution" answers nobody.
    let first = first_process(&sim);
    let signal = |name: &str| Command::new("kill").args([name, &first]).status().expect("kill").success();
    assert!(signal("-STOP"));
    let silent = doctor_outside(&sim);
    let here = doctor(&sim);
    assert!(signal("-CONT"));
    for said in [&silent, &here] {
        assert!(said.fault("systemd-silent").contains("no answer within 10 s"), "{}", said.0);
    }
    assert!(!doctor(&sim).kinds().contains("systemd-silent"));
}

/// The distribution's process 1, by its number out here.
fn first_process(sim: &Sim) -> String {
    let mut ahead = vec![sim.supervisor("NixOS").to_string()];
    while let Some(process) = ahead.pop() {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        let numbers: Vec<_> = numbers.split_ascii_whitespace().collect();
        if numbers.len() > 1 && numbers.last() == Some(&"1") {
            return process;
        }
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        ahead.extend(children.unwrap_or_default().split_ascii_whitespace().map(Into::into));
    }
    panic!("no first process");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_doctor_names_a_boot_that_does_not_come_up() {
    let Some(sim) = world("the_doctor_names_a_boot_that_does_not_come_up") else { return };
    install(&sim, &toplevel(&sim, "withoutSystemd"));
    let fallen = doctor(&sim);
    assert_eq!(fallen.kinds(), BTreeSet::from(["generation", "notice"]), "{}", fallen.0);
    sim.ok(["-t", "NixOS"]);
    sim.let_limits_expire();
    install(&sim, &toplevel(&sim, "slowUnits"));
    let starting = doctor(&sim);
    assert!(starting.fault("systemd-starting").contains("it waits for "), "{}", starting.0);
    sim.ok(["-t", "NixOS"]);
    install(&sim, &toplevel(&sim, "emergency"));
    let emergency = doctor(&sim);
    assert!(emergency.kinds().contains("systemd-maintenance"), "{}", emergency.0);
    sim.ok(["-t", "NixOS"]);
    install(&sim, &toplevel(&sim, "withoutSystemd"));
    // Nothing is left to boot: WSL gives a shell in the rescue.
    let profiles = sim.inside("NixOS", "nix/var/nix/profiles");
    fs::remove_file(profiles.join("system-1-link")).expect("a link");
    let rescue = doctor(&sim);
    for kind in ["systemd-missing", "generation", "notice"] {
        assert!(rescue.kinds().contains(kind), "{}", rescue.0);
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_doctor_names_a_systemd_that_was_switched_off_by_hand() {
    let Some(sim) = world("the_doctor_names_a_systemd_that_was_switched_off_by_hand") else { return };
    up(&sim);
    sim.ok(["-t", "NixOS"]);
    let file = sim.inside("NixOS", "etc/wsl.conf");
    let text = fs::read_to_string(&file).expect("wsl.conf");
    fs::write(&file, text.replace("systemd = true", "systemd = false")).expect("wsl.conf");
    let before = doctor_outside(&sim);
    let off = doctor(&sim);
    for said in [&before, &off] {
        assert_eq!(said.kinds(), BTreeSet::from(["systemd-off"]), "{}", said.0);
    }
    sim.ok(["-t", "NixOS"]);
    fs::write(&file, text).expect("wsl.conf");
    assert_eq!(doctor_outside(&sim).kinds(), BTreeSet::new());
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_doctor_names_a_disk_that_takes_no_more() {
    let Some(sim) = world("the_doctor_names_a_disk_that_takes_no_more") else { return };
    up(&sim);
    // A small disk of its own for what the doctor looks at: the machine's is not to be filled.
    sim.sh(
        "NixOS",
        "mkdir -p /var/lib/nixos-wsl && mount -t tmpfs -o size=30m,nr_inodes=1100 small /var/lib/nixos-wsl",
    );
    let none = BTreeSet::new();
    assert_eq!(doctor(&sim).kinds(), none, "room enough");
    for (fill, kind, fault) in [
        ("head -c 28M /dev/zero >F/file", "disk-nearly-full", "is nearly full: 2 MiB of 30 MiB are free"),
        ("head -c 31M /dev/zero >F/file || true", "disk-full", "is full: 0 MiB of 30 MiB are free"),
        ("for n in $(seq 1095); do : >F/$n; done", "disk-inodes", "its inodes are used up"),
        ("mount -o remount,ro F", "disk-read-only", "is read-only: nothing can be saved"),
    ] {
        sim.sh("NixOS", &fill.replace('F', "/var/lib/nixos-wsl"));
        let said = doctor(&sim);
        assert_eq!(said.kinds(), BTreeSet::from([kind]), "{}", said.0);
        assert!(said.fault(kind).starts_with("the disk of /var/lib/nixos-wsl (small, tmpfs)"), "{}", said.0);
        assert!(said.fault(kind).ends_with(fault), "{}", said.0);
        let line = "rm -f F/[0-9]* F/file; mount | grep -q 'small.*[(]ro' && umount F || true";
        sim.sh("NixOS", &line.replace('F', "/var/lib/nixos-wsl"));
        assert_eq!(doctor(&sim).kinds(), none, "after {fill}");
    }
}

/// Up to 2.9.4 another distribution's processes come into groups that systemd takes for its own.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_doctor_names_another_distribution_in_the_same_groups() {
    let Some(mut sim) = world("the_doctor_names_another_distribution_in_the_same_groups") else { return };
    sim.version = Some("2.9.4");
    assert_eq!(sim.import("Other", &bundled("namespace-image.tar.gz")).code, 0);
    up(&sim);
    let none = BTreeSet::new();
    assert_eq!(doctor(&sim).kinds(), none, "it is alone in them");
    // A systemd that takes the groups at the top is in nobody's way.
    sim.outside("Other", "mkdir /sys/fs/cgroup/init.scope");
    let stay = |group: &str| {
        let line = format!(
            "PATH=$PATH:/nix/var/nix/profiles/system/sw/bin; \
             echo $$ >$(echo /sys/fs/cgroup/{group}/cgroup.procs) && echo there && exec sleep 1000"
        );
        let mut other = sim.command(["-d", "Other", "-u", "root", "-e", "/bin/sh", "-c", &line]);
        let mut other = other.stdout(Stdio::piped()).spawn().expect("wsl-sim starts");
        let mut said = String::new();
        BufReader::new(other.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
        assert_eq!(said, "there\n", "{group}");
        other
    };
    let apart = stay("init.scope");
    assert_eq!(doctor(&sim).kinds(), none, "groups of its own");
    let within = stay("nixos-wsl-*/init.scope");
    let clash = doctor(&sim);
    assert_eq!(clash.kinds(), BTreeSet::from(["other-distribution"]), "{}", clash.0);
    assert!(
        clash.fault("other-distribution").contains("distribution is in the same cgroup /init.scope"),
        "{}",
        clash.0
    );
    // Windows has the names; which of them is this distribution's is not known to every caller.
    let windows = "PATH=$PATH:/nix/var/nix/profiles/system/sw/bin; mkdir -p /mnt/c/Windows/System32 && \
        cd /mnt/c/Windows/System32 && printf '#!/bin/sh\\necho NixOS; echo Other\\n' >wsl.exe && chmod +x wsl.exe";
    sim.ok(["-u", "root", "-e", "/bin/sh", "-c", windows]);
    assert!(doctor(&sim).fault("other-distribution").contains("another distribution (Other) is in"));
    let unnamed =
        sim.run([&["-u", "root", "-e", "/usr/bin/env", "-u", "WSL_DISTRO_NAME"][..], &DOCTOR].concat());
    assert_eq!(Report::parse(&unnamed.out).fault("other-distribution"), clash.fault("other-distribution"));
    sim.ok(["-t", "Other"]);
    for mut process in [apart, within] {
        process.wait().expect("it ends");
    }
    assert_eq!(doctor(&sim).kinds(), none, "its way out");
}
