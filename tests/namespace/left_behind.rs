//! `nixos-wsl enter` and `exec` where there is no systemd to go to any more: they say what is wrong and what leads out.
#![cfg(feature = "sim")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::support::sim::shells::{NAME, as_user, eventually, imported, ok, outside, systemd};
use crate::support::sim::{Sim, bundled, exists};

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_session_that_has_lost_its_systemd_is_told_the_way_out() {
    let Some(sim) = imported("a_session_that_has_lost_its_systemd_is_told_the_way_out") else { return };
    ok(&sim, "true");
    let first = systemd(&sim);
    let mut session =
        sim.command(["-d", NAME, "--", "sleep", "98764"]).stdout(Stdio::null()).spawn().expect("wsl-sim");
    eventually("the session is open", || {
        outside(&sim, "ps -eo args").lines().any(|line| line.trim() == "sleep 98764")
    });
    // Of all that is beside systemd, a process that has its mounts alone outlives it.
    let line = format!(
        "PATH=/nix/var/nix/profiles/system/sw/bin:$PATH; exec nsenter -m -t {first} sh -c '\
         echo here; read word; nixos-wsl status; nixos-wsl enter; echo enter $?; \
         nixos-wsl exec -u nixos id; echo exec $?; nixos-wsl exec id; echo exec $?; \
         echo doctor; nixos-wsl doctor' 2>&1"
    );
    let mut command = sim.command(["-d", NAME, "-u", "root", "-e", "/bin/sh", "-c", &line]);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("wsl-sim");
    let mut output = BufReader::new(client.stdout.take().expect("a pipe"));
    let mut text = String::new();
    output.read_line(&mut text).expect("its output");
    assert_eq!(text, "here\n");
    outside(&sim, &format!("kill -9 {first}"));
    assert_ne!(session.wait().expect("its end").code(), Some(0), "a shell does not outlive its systemd");
    eventually("systemd has ended", || outside(&sim, &format!("ls -d /proc/{first} || true")).is_empty());
    client.stdin.take().expect("a pipe").write_all(b"\n").expect("it reads");
    text.clear();
    output.read_to_string(&mut text).expect("its output");
    client.wait().expect("its end");
    let (text, doctor) = text.split_once("doctor\n").expect("both parts");
    assert!(doctor.contains(" [systemd-ended]\n"), "{doctor}");
    let lines: Vec<_> = text.lines().collect();
    let out = |line: &str| line.contains("ended") && line.contains("`exit`") && line.contains("`wsl`");
    assert_eq!(lines.len(), 7, "{text}");
    assert!([lines[0], lines[1], lines[3], lines[5]].into_iter().all(out), "{text}");
    assert_eq!([lines[2], lines[4], lines[6]], ["enter 1", "exec 1", "exec 1"], "{text}");
    assert_eq!(ok(&sim, "systemctl is-system-running"), "running", "the way out leads to a new one");
    assert!(!first.parse().is_ok_and(exists) || systemd(&sim) != first);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_system_whose_systemd_is_wsl_s_says_so() {
    let Some(sim) = Sim::for_starts("a_system_whose_systemd_is_wsl_s_says_so") else { return };
    assert_eq!(sim.import(NAME, &bundled("image.tar.gz")).code, 0);
    let file = sim.inside(NAME, "etc/wsl.conf");
    let text = std::fs::read_to_string(&file).expect("wsl.conf");
    std::fs::write(&file, text.replace("systemd = true", "systemd = false")).expect("wsl.conf");
    for line in ["nixos-wsl enter", "nixos-wsl exec id", "nixos-wsl exec -u nixos id"] {
        let ended = as_user(&sim, line);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{line}: {ended:?}");
        for part in ["leaves systemd to WSL", "`wsl --terminate`", "`nixos-wsl doctor`"] {
            assert!(ended.err.contains(part), "{line}: {ended:?}");
        }
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
    }
}
