//! `kill -9` of every part of the simulator in every phase: the next command finds a consistent registry, and nothing of
//! the killed one is left. (An import's are in `import.rs`.)
#![cfg(feature = "sim")]

use crate::support::patience::eventually;
use crate::support::sim;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::sim::{Sim, exists, signal, systemd_exec};

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Client,
    Supervisor,
}

fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Starts a command, kills somebody after some milliseconds, and waits for the command's end: `None` if it was killed.
/// The cgroup is the distribution's at that time.
fn interrupted(sim: &Sim, arguments: &[&str], victim: Victim, delay: u64) -> (Option<i32>, Option<PathBuf>) {
    let mut command = sim.command(arguments);
    let mut client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("wsl-sim");
    std::thread::sleep(Duration::from_millis(delay));
    let cgroup = sim.cgroup("NixOS");
    match victim {
        Victim::Client => kill(client.id()),
        Victim::Supervisor => drop(sim.try_supervisor("NixOS").map(kill)),
    }
    (client.wait().expect("its end").code(), cgroup)
}

/// The next command, after which the registry is consistent. A distribution that does not run has left nothing; one
/// that does can be terminated, and has left nothing then.
fn consistent(sim: &Sim, cgroup: Option<&Path>, context: &str) {
    let list = sim.run(["-l", "-v"]);
    if list.out.starts_with("Windows Subsystem for Linux has no installed distributions.") {
        assert_eq!(list.code, 255, "{context}");
        assert!(!sim.directory.path().join("NixOS").exists(), "{context}: files of no distribution");
    } else {
        let line = list.out.lines().last().unwrap_or_default();
        assert!(
            ["* NixOS    Stopped         2", "* NixOS    Running         2"].contains(&line),
            "{context}: {list:?}"
        );
        if line.contains("Running") {
            let terminated = sim.run(["-t", "NixOS"]);
            assert_eq!(terminated.code, 0, "{context}: {terminated:?}");
        }
    }
    // A start that had only begun when the list was made goes on: it is terminated as any other.
    eventually(&format!("{context}: no start goes on"), || {
        let running = sim.run(["-l", "-v"]).out.contains("Running");
        if running {
            sim.ok(["-t", "NixOS"]);
        }
        !running && sim.leftover_files("NixOS").is_empty()
    });
    eventually(&format!("{context}: no process is left"), || sim.leftover_processes().is_empty());
    eventually(&format!("{context}: no cgroup is left"), || cgroup.is_none_or(|cgroup| !cgroup.exists()));
}

fn running(sim: &Sim, context: &str) {
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running"), "running", "{context}");
}

/// Interrupts a command on a running distribution at several times.
fn interrupt_all(sim: &Sim, arguments: &[&str], delays: &[u64]) {
    for victim in [Victim::Client, Victim::Supervisor] {
        for &delay in delays {
            let context = format!("{arguments:?}, {victim:?} after {delay} ms");
            if sim.run(["-l", "-q"]).out != "NixOS\n" {
                assert_eq!(sim.import("NixOS", &sim::image()).code, 0, "{context}");
            }
            running(sim, &context);
            let (_, cgroup) = interrupted(sim, arguments, victim, delay);
            consistent(sim, cgroup.as_deref(), &context);
        }
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn while_it_starts() {
    let Some(sim) = Sim::with_image("while_it_starts") else { return };
    let command = systemd_exec(&["/bin/sh", "-c", "exec sleep 1000"]);
    // The distribution counts starts that did not complete: a whole one comes after each.
    let whole = |context: &str| {
        running(&sim, context);
        sim.ok(["-t", "NixOS"]);
    };
    for delay in [0, 3, 30, 300, 1000] {
        let context = format!("a start, Client after {delay} ms");
        let (_, cgroup) = interrupted(&sim, &command, Victim::Client, delay);
        consistent(&sim, cgroup.as_deref(), &context);
        whole(&context);
    }
    for delay in [0, 10, 100, 600] {
        let context = format!("a start, Supervisor after {delay} ms");
        let mut client: Child =
            sim.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("wsl-sim");
        eventually("there is a supervisor", || sim.try_supervisor("NixOS").is_some());
        std::thread::sleep(Duration::from_millis(delay));
        let cgroup = sim.cgroup("NixOS");
        kill(sim.supervisor("NixOS"));
        assert_eq!(client.wait().expect("its end").code(), Some(255), "{context}");
        consistent(&sim, cgroup.as_deref(), &context);
        whole(&context);
    }
}

/// Who has typed a command and closed the window has started the distribution all the same.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_goes_on_without_its_client() {
    let Some(sim) = Sim::with_image("a_start_goes_on_without_its_client") else { return };
    let mut client = sim.command(["-e", "/bin/true"]).stdout(Stdio::null()).spawn().expect("wsl-sim");
    eventually("there is a supervisor", || sim.try_supervisor("NixOS").is_some());
    kill(client.id());
    client.wait().expect("its end");
    let supervisor = sim.supervisor("NixOS");
    running(&sim, "the next command");
    assert_eq!(sim.supervisor("NixOS"), supervisor);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn while_a_command_runs() {
    let Some(sim) = Sim::with_image("while_a_command_runs") else { return };
    running(&sim, "first");
    let supervisor = sim.supervisor("NixOS");
    let command = systemd_exec(&["/bin/sh", "-c", "exec sleep 1000"]);
    for delay in [5, 20, 100, 300] {
        interrupted(&sim, &command, Victim::Client, delay);
        eventually("the killed client's program ends", || {
            !sim.outside("NixOS", "cat /proc/[0-9]*/cmdline 2>/dev/null || true").contains("1000")
        });
        running(&sim, "a killed client is nobody else's business");
    }
    assert_eq!(sim.supervisor("NixOS"), supervisor);
    let processes = sim.processes("NixOS");
    let (code, cgroup) = interrupted(&sim, &command, Victim::Supervisor, 100);
    assert_eq!(code, Some(255), "the client of a dead distribution");
    eventually("every process ends", || processes.iter().all(|&pid| !exists(pid)));
    consistent(&sim, cgroup.as_deref(), "a command, Supervisor");
    running(&sim, "the next start is a whole one");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn while_it_terminates() {
    let Some(sim) = Sim::with_image("while_it_terminates") else { return };
    interrupt_all(&sim, &["--terminate", "NixOS"], &[0, 20, 200]);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn while_it_is_exported() {
    let Some(sim) = Sim::with_image("while_it_is_exported") else { return };
    let file = sim.directory.path().join("export.tar");
    interrupt_all(&sim, &["--export", "NixOS", file.to_str().expect("a readable path")], &[0, 50, 1500]);
    // Deterministic: the export has begun to write.
    let mut client = sim.command(["--export", "NixOS"]);
    let mut client = client.arg(&file).stdout(Stdio::null()).spawn().expect("wsl-sim");
    let unfinished = || sim.registration("NixOS")["Unfinished"].as_str().map(PathBuf::from);
    eventually("the export writes", || {
        unfinished().is_some_and(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0))
    });
    let half = unfinished().expect("it is under way");
    kill(client.id());
    client.wait().expect("its end");
    assert!(half.exists(), "nobody could delete it");
    let _ = fs::remove_file(&file);
    consistent(&sim, None, "a half export");
    assert!(!half.exists() && !file.exists(), "nothing is there that looks like an export");
    assert_eq!(sim.run(["--export", "NixOS", file.to_str().expect("a path")]).code, 0);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn while_it_is_unregistered() {
    let Some(sim) = Sim::with_image("while_it_is_unregistered") else { return };
    interrupt_all(&sim, &["--unregister", "NixOS"], &[0, 50, 1000]);
}
