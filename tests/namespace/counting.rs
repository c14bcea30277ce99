//! Boot counting in namespace mode: who stops a systemd that has not come up yet.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;

use nixos_wsl::boot::counting::{self, state::SystemRecord};
use nixos_wsl::system::root::Root;

use crate::support::sim::shells::eventually;
use crate::support::sim::{Ended, Sim, bundled};

/// A distribution whose shells wait no longer than 2 s, with a unit of these lines before multi-user.target.
fn world(test: &str, lines: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let imported = sim.import("NixOS", &bundled("namespace-image.tar.gz"));
    assert_eq!(imported.code, 0, "{imported:?}");
    let system =
        fs::read_link(sim.inside("NixOS", "nix/var/nix/profiles/system-1-link")).expect("a generation");
    let settings = sim.inside("NixOS", &format!("{}/nixos-wsl/session.json", system.display()));
    let mut session: serde_json::Value =
        serde_json::from_slice(&fs::read(&settings).expect("settings")).expect("JSON");
    session["systemdTimeout"] = 2.into();
    session["startTimeout"] = 3600.into();
    fs::remove_file(&settings).expect("the old settings");
    fs::write(&settings, session.to_string()).expect("settings");
    let units = sim.inside("NixOS", "etc/systemd/system.control");
    fs::create_dir_all(units.join("multi-user.target.wants")).expect("a folder");
    let head = "[Unit]\nBefore=multi-user.target\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nTimeoutStopSec=5\n";
    fs::write(units.join("early.service"), format!("{head}{lines}\n")).expect("a unit");
    symlink("../early.service", units.join("multi-user.target.wants/early.service")).expect("a link");
    Some(sim)
}

fn nixos_wsl(sim: &Sim, arguments: &[&str]) -> Ended {
    sim.run([&["-u", "root", "-e", "/bin/nixos-wsl"][..], arguments].concat())
}

/// What is counted for the only system.
fn record(sim: &Sim) -> SystemRecord {
    let (state, warning) = counting::load(&Root::new(sim.inside("NixOS", "")));
    assert_eq!(warning, None);
    state.systems.into_values().next().unwrap_or_default()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn nixos_wsl_stop_takes_the_attempt_back_and_an_end_of_everything_does_not() {
    let test = "nixos_wsl_stop_takes_the_attempt_back_and_an_end_of_everything_does_not";
    let Some(sim) = world(test, "ExecStart=/bin/sh -c 'while :; do sleep 1; done'") else { return };
    for _ in 0..3 {
        nixos_wsl(&sim, &["exec", "true"]);
        let started = record(&sim);
        assert!(started.starting && started.attempts == 1, "{started:?}");
        let stopped = nixos_wsl(&sim, &["stop"]);
        assert_eq!(stopped.code, 0, "{stopped:?}");
        assert_eq!(record(&sim), SystemRecord::default());
    }
    // WSL, which has started no systemd, asks nobody here (W§5.6).
    nixos_wsl(&sim, &["exec", "true"]);
    sim.ok(["-t", "NixOS"]);
    assert_eq!(record(&sim).attempts, 1);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_unit_that_powers_off_counts() {
    let line = "ExecStart=/bin/sh -c '/run/current-system/sw/bin/systemctl poweroff; sleep infinity'";
    let Some(sim) = world("a_unit_that_powers_off_counts", line) else { return };
    for attempts in 1..=2 {
        let ended = nixos_wsl(&sim, &["exec", "true"]);
        assert_ne!(ended.code, 0, "{ended:?}");
        // It may have been let in before the end.
        eventually("it ends", || !nixos_wsl(&sim, &["status"]).out.contains("as process"));
        let counted = record(&sim);
        assert!(counted.attempts == attempts && !counted.starting, "{attempts}: {counted:?}");
        assert!(counted.failure.is_some_and(|reason| reason.contains("from inside")));
    }
    let ended = nixos_wsl(&sim, &["exec", "true"]);
    assert_ne!(ended.code, 0, "{ended:?}");
    let notice = sim.ok([
        "-u",
        "root",
        "-e",
        "/bin/sh",
        "-c",
        "while read -r line; do echo \"$line\"; done </run/nixos-wsl/notice",
    ]);
    assert!(notice.contains("started 2 times in a row without reaching multi-user.target"), "{notice}");
}
