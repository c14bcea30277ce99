//! Where WSL itself starts systemd: login sessions, a poweroff from inside, cgroups (W§5).
#![cfg(feature = "sim")]

use std::fs;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, exists};

/// A world with the image whose systemd WSL starts, whatever mode the other tests are run in.
fn started_by_wsl(test: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    sim.import_image("NixOS", "image.tar.gz");
    Some(sim)
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_missing_user_session_is_reported() {
    let Some(sim) = started_by_wsl("a_missing_user_session_is_reported") else { return };
    // Root's session is there; what another user's needs goes away then, because an activation would bring it back.
    assert_eq!(sim.sh("NixOS", "systemctl is-active user@0.service"), "active");
    assert_eq!(sim.hidden("NixOS"), "");
    sim.sh("NixOS", "rm /bin/login");
    let first = sim.run(["--", "id", "-un"]);
    assert_eq!((first.code, first.out.as_str()), (0, "nixos\n"), "the command runs all the same");
    assert_eq!(
        first.err,
        "wsl: Failed to start the systemd user session for 'nixos'. See journalctl for more details.\n"
    );
    assert_eq!(sim.hidden("NixOS"), "no systemd user session for nixos\n");
    let second = sim.run(["--", "id", "-un"]);
    assert_eq!((second.out.as_str(), second.err.as_str()), ("nixos\n", ""), "WSL tries once for each user");
    let state = sim.sh("NixOS", "systemctl is-active user@1000.service || true");
    assert_eq!(state, "inactive");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_poweroff_typed_inside_ends_like_wsls() {
    let Some(sim) = started_by_wsl("a_poweroff_typed_inside_ends_like_wsls") else { return };
    sim.sh("NixOS", "echo kept >/var/lib/kept");
    let supervisor = sim.supervisor("NixOS");
    let typed = sim.run(["-u", "root", "-e", "/bin/sh", "-c", "systemctl poweroff; exec sleep 1000"]);
    assert!([1, 15].contains(&typed.code), "systemd ends the session by a signal: {typed:?}");
    // systemd would wait 90 s for WSL's init, which ignores SIGTERM; WSL ends an idle distribution before.
    eventually("the distribution ends", || !exists(supervisor));
    assert_eq!(sim.hidden("NixOS"), "", "this is no fault");
    assert_eq!(sim.leftover_files("NixOS"), [""; 0], "it has cleaned up by itself");
    assert_eq!(sim.ok(["-l", "-v"]).lines().last(), Some("* NixOS    Stopped         2"));
    assert_eq!(sim.sh("NixOS", "cat /var/lib/kept; systemctl is-system-running"), "kept\nrunning");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn delegation_is_the_machines() {
    let Some(sim) = started_by_wsl("delegation_is_the_machines") else { return };
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    let on = mounts.lines().any(|line| line.contains(" - cgroup2 ") && line.contains("nsdelegate"));
    // With nsdelegate, the top of a cgroup namespace belongs to whoever made it; what is below, to those inside.
    let line = "echo 100 2>/dev/null >/sys/fs/cgroup/cgroup.max.depth && echo set || echo refused; \
                mkdir /sys/fs/cgroup/own && echo 100 >/sys/fs/cgroup/own/cgroup.max.depth && \
                echo $$ >/sys/fs/cgroup/own/cgroup.procs && cat /proc/self/cgroup | grep -o '0::.*'";
    let top = if on { "refused" } else { "set" };
    assert_eq!(sim.sh("NixOS", &format!("{{ {line}; }} 2>/dev/null")), format!("{top}\n0::/own"));
    let log = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("a log");
    assert_eq!(log.contains("no nsdelegate"), !on, "{log}");
    let status = sim.ok(["--status"]);
    let expected = if on { "cgroup2 with nsdelegate" } else { "cgroup2 without nsdelegate" };
    assert!(status.contains(expected), "{status}");
}
