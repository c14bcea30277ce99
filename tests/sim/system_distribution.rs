//! `wsl --system`: a root with nothing of the distribution's but its files, from which it is looked at and repaired.
#![cfg(feature = "sim")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use crate::support::sim::Sim;

const NAME: &str = "NixOS";

/// This project's program in the other distribution, as the system distribution sees it.
const TOOL: &str = "/mnt/wslg/distro/bin/nixos-wsl";

/// The kinds of what the doctor finds from there.
fn findings(sim: &Sim) -> BTreeSet<String> {
    let ended = sim.run(["--system", "-u", "root", "-d", NAME, TOOL, "doctor", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    let kinds = report["findings"].as_array().unwrap().iter();
    let kinds: BTreeSet<_> = kinds.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ended.code, i32::from(!kinds.is_empty()), "{ended:?}");
    kinds
}

/// What a command in the system distribution prints, as root.
fn system(sim: &Sim, line: &str) -> String {
    sim.ok(["--system", "-u", "root", "-d", NAME].into_iter().chain(line.split(' ')))
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_system_distribution_shows_the_other_and_is_no_part_of_it() {
    let Some(sim) = Sim::with_image("the_system_distribution_shows_the_other_and_is_no_part_of_it") else {
        return;
    };
    // As any session sees them, but for the numbers.
    let mounts = || -> Vec<String> {
        let text = sim.sh(NAME, "cat /proc/1/mountinfo");
        text.lines().map(|line| line.split(' ').skip(3).collect::<Vec<_>>().join(" ")).collect()
    };
    let before = mounts();
    assert_eq!(sim.ok(["--system", "--cd", "~", "-u", "root", "-d", NAME, "pwd"]), "/root");
    let list = system(&sim, "ls /bin");
    let mut programs: Vec<_> = list.split_whitespace().collect();
    programs.sort_unstable();
    assert_eq!(programs, ["bash", "sh"]);
    let users = system(&sim, "cat /mnt/wslg/distro/etc/passwd");
    assert!(users.contains("nixos:x:1000:"), "{users}");
    // Another user than root's, and not the distribution's own.
    let status = sim.ok(["--system", "-d", NAME, "cat", "/proc/self/status"]);
    assert!(
        status.lines().any(|line| line.split_whitespace().eq(["Uid:", "1000", "1000", "1000", "1000"])),
        "{status}"
    );
    assert_eq!(mounts(), before);
    assert_eq!(sim.sh(NAME, "test -e /run/systemd/system && echo there"), "there");
    let ended = sim.run(["--system", "-u", "nobody-here", "-d", NAME, "pwd"]);
    assert_ne!(ended.code, 0, "{ended:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_broken_distribution_is_repaired_from_there() {
    let Some(sim) = Sim::with_image("a_broken_distribution_is_repaired_from_there") else { return };
    let first = sim.sh(NAME, "readlink -f /nix/var/nix/profiles/system").trim().to_owned();
    // A generation without anything in it, as an interrupted copy leaves it, and nothing that would go back by itself.
    let profiles = sim.inside(NAME, "nix/var/nix/profiles");
    let broken = sim.inside(NAME, "nix/store/00000000000000000000000000000000-broken");
    fs::create_dir(&broken).unwrap();
    symlink("/nix/store/00000000000000000000000000000000-broken", profiles.join("system-2-link")).unwrap();
    fs::remove_file(profiles.join("system")).unwrap();
    symlink("system-2-link", profiles.join("system")).unwrap();
    sim.ok(["--terminate", NAME]);

    let found = findings(&sim);
    assert!(found.contains("generation"), "{found:?}");
    let list = system(&sim, &format!("{TOOL} recover"));
    let line = list.lines().find(|line| line.starts_with('2')).unwrap_or_else(|| panic!("{list}"));
    assert!(line.contains("default"), "{list}");
    let done = system(&sim, &format!("{TOOL} recover rollback"));
    assert!(done.contains("generation 1 boots from the next start on"), "{done}");
    sim.ok(["--terminate", NAME]);
    assert_eq!(
        sim.sh(NAME, "readlink -f /run/current-system; readlink /nix/var/nix/profiles/system"),
        format!("{first}\nsystem-1-link")
    );
    // What remains is two programs that the stand-in has in its system alone, where its `/bin/sh` finds them.
    sim.sh(NAME, "systemctl is-system-running --wait; ln -s $(command -v grep) $(command -v systemctl) /bin");
    assert_eq!(findings(&sim), BTreeSet::new());
}
