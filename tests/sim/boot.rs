//! The stand-in's image, started as WSL starts it: first command, restart, systemd, two at once, export (W§4, W§5).
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;

use nixos_wsl::sim::wire::version::WslVersion;

use crate::support::patience::{eventually, expiring_factor};
use crate::support::sim::{Sim, exists, image, mounts, namespace, systemd_exec};

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn first_command_second_command_restart() {
    let Some(sim) = Sim::with_image("first_command_second_command_restart") else { return };
    assert_eq!(sim.ok(["-l", "-v"]).lines().last(), Some("* NixOS    Stopped         2"));
    let first = sim.run(["-d", "NixOS", "--", "echo", "hello"]);
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "hello\n", ""));
    assert_eq!(sim.ok(["-l", "-v"]).lines().last(), Some("* NixOS    Running         2"));
    let second = sim.run(["echo", "again"]);
    assert_eq!((second.out.as_str(), second.err.as_str()), ("again\n", ""));
    assert_eq!(sim.hidden("NixOS"), "", "WSL hides nothing of this start");
    let boot = sim.sh(
        "NixOS",
        "cat /proc/sys/kernel/random/boot_id >/run/kept; echo kept >/var/lib/kept; stat -c %Y /proc/1",
    );
    let processes = sim.processes("NixOS");
    let cgroup = sim.instance("NixOS")["cgroup"].as_str().expect("a path").to_owned();
    assert!(processes.len() > 5, "{processes:?}");
    assert_eq!(sim.ok(["--terminate", "NixOS"]), "The operation completed successfully.");
    assert_eq!(sim.hidden("NixOS"), "", "systemd powers off in time");
    assert!(!Path::new(&cgroup).exists());
    assert!(processes.iter().all(|&pid| !exists(pid)), "no process is left");
    assert_eq!(mounts(sim.directory.path()), [""; 0], "no mount is left");
    assert_eq!(sim.ok(["-t", "NixOS"]), "The operation completed successfully.", "once more is no fault");
    assert_eq!(sim.sh("NixOS", "cat /var/lib/kept; ls /run/kept 2>/dev/null || echo gone"), "kept\ngone");
    assert!(!boot.is_empty());
    sim.ok(["--shutdown"]);
    assert_eq!(sim.run(["-l", "--running"]).out, "There are no running distributions.\n");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn systemd_is_up_with_a_session_for_the_user() {
    let Some(sim) = Sim::with_image("systemd_is_up_with_a_session_for_the_user") else { return };
    assert_eq!(sim.run(["--", "true"]).err, "");
    assert_eq!(sim.ok(["--", "systemctl", "is-system-running"]), "running", "through the user's shell");
    assert_eq!(sim.sh("NixOS", "systemctl list-units --failed --no-legend --plain"), "");
    assert_eq!(sim.sh("NixOS", "cat /proc/1/comm"), "systemd");
    assert_eq!(sim.sh("NixOS", "systemctl is-active user@1000.service"), "active");
    let as_user = |line: &str| sim.ok(systemd_exec(&["/bin/sh", "-c", line]));
    assert_eq!(as_user("systemctl --user is-system-running"), "running");
    let sessions = as_user("loginctl list-sessions --no-legend");
    assert!(sessions.lines().any(|line| line.contains("1000") && line.contains("nixos")), "{sessions}");
    assert_eq!(sim.sh("NixOS", "hostname 2>/dev/null || cat /proc/sys/kernel/hostname"), "Test-PC");
    let (systemd, user) = (sim.sh("NixOS", "cat /proc/1/cgroup"), as_user("cat /proc/self/cgroup"));
    if namespace() {
        // The cgroup namespace is systemd's own, and logind has put the program into its session.
        assert!(systemd.contains("0::/init.scope"), "{systemd}");
        assert!(user.contains("0::/user.slice/user-1000.slice/session-"), "{user}");
    } else {
        assert!(systemd.contains("/init.scope"), "{systemd}");
        assert!(!user.contains("user.slice"), "{user}");
        let version = WslVersion::parse(&sim.sh("NixOS", "wslinfo --wsl-version")).expect("a version");
        let guard = sim.sh("NixOS", "systemctl show -P LoadState wsl-mnt-guard.service");
        let expected = if version.guards_mounts() { "loaded" } else { "not-found" };
        assert_eq!(guard, expected, "WSL's generator ran");
    }
    assert_eq!(as_user("umask"), "0022");
    assert_eq!(
        sim.sh("NixOS", "wslpath -w /mnt/c/Users; wslpath 'C:\\Users'; wslinfo --networking-mode"),
        "C:\\Users\n/mnt/c/Users\nnat"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_slow_activation_still_gives_a_shell() {
    let Some(sim) = Sim::with_image("a_slow_activation_still_gives_a_shell") else { return };
    let system =
        fs::read_link(sim.inside("NixOS", "nix/var/nix/profiles/system-1-link")).expect("the profile");
    let activate = sim.inside("NixOS", system.join("activate").to_str().expect("a readable path"));
    let script = fs::read_to_string(&activate).expect("the activation script");
    let (first, rest) = script.split_once('\n').expect("a script");
    let (path, mode) =
        (activate.with_extension("new"), fs::metadata(&activate).expect("its mode").permissions());
    // Longer than WSL waits for systemd.
    sim.let_limits_expire();
    let pause = 15 * expiring_factor();
    fs::write(
        &path,
        format!("{first}\n(unset IFS; exec sleep {pause}) || /bin/sh -c 'sleep {pause}'\n{rest}"),
    )
    .expect("a slower script");
    fs::set_permissions(&path, mode).expect("its mode");
    fs::rename(&path, &activate).expect("in its place");
    let ended = sim.run(["--", "echo", "a shell"]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "a shell\n"), "{ended:?}");
    if namespace() {
        assert_eq!(
            sim.hidden("NixOS"),
            "",
            "WSL waits for no systemd, and the first shell has its own limit"
        );
    } else {
        let hidden = sim.hidden("NixOS");
        assert!(hidden.contains("systemd was not ready within 10000 ms"), "{hidden}");
    }
    let state =
        [&["-u", "root"][..], &systemd_exec(&["/bin/sh", "-c", "systemctl is-system-running"])].concat();
    eventually("systemd is up", || sim.run(&state).out == "running\n");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn two_distributions_at_once() {
    let Some(sim) = Sim::with_image("two_distributions_at_once") else { return };
    assert_eq!(sim.import("Second", &image()).code, 0);
    for name in ["NixOS", "Second"] {
        sim.sh(name, &format!("echo {name} >/run/mine"));
    }
    for name in ["NixOS", "Second"] {
        assert_eq!(
            sim.sh(name, "cat /run/mine; echo $WSL_DISTRO_NAME; systemctl is-system-running"),
            format!("{name}\n{name}\nrunning")
        );
    }
    sim.ok(["-t", "NixOS"]);
    assert_eq!(sim.sh("Second", "cat /run/mine; systemctl is-system-running"), "Second\nrunning");
    assert_eq!(
        sim.ok(["-l", "-v"]),
        "  NAME      STATE           VERSION\n* NixOS     Stopped         2\n  Second    Running         2"
    );
    let ended = sim.run(["--unregister", "Second"]);
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.err.as_str()),
        (0, "Unregistering.\nThe operation completed successfully.\n", ""),
        "a running distribution is terminated first"
    );
    assert!(!sim.directory.path().join("Second").exists());
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn export_and_import_again() {
    let Some(sim) = Sim::with_image("export_and_import_again") else { return };
    sim.sh("NixOS", "echo kept >/var/lib/kept; echo $PPID >/run/lost");
    let file = sim.directory.path().join("export.tar");
    sim.ok(["--export", "NixOS", file.to_str().expect("a path")]);
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "", "an export terminates the distribution");
    assert_eq!(sim.import("Copy", &file).code, 0);
    assert_eq!(
        sim.sh("Copy", "cat /var/lib/kept; ls /run/lost 2>/dev/null; systemctl is-system-running"),
        "kept\nrunning"
    );
    assert_eq!(sim.hidden("Copy"), "");
}
