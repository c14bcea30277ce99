//! Kills in the start and the stop of namespace mode's systemd: the next shell is beside a systemd that runs, and nothing is
//! left of the one before.
#![cfg(feature = "sim")]

use std::fs;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::kills::{Moments, Point, points, rounds, spread, traced};
use crate::support::sim::Sim;
use crate::support::sim::shells::{NAME, eventually, groups, imported, ok, outside, systemd};

const START: [&str; 5] = ["/bin/nixos-wsl", "exec", "-u", "nixos", "true"];
const STOP: [&str; 2] = ["/bin/nixos-wsl", "stop"];

/// The next shell has a systemd, the only one of the distribution, in the only cgroup.
fn check(sim: &Sim, name: &str) {
    // logind's scope of a session that was killed as it began counts as failed, and has nothing left to reset but its name.
    ok(sim, "sudo systemctl reset-failed 'session-*.scope'; true");
    let state = ok(sim, "systemctl is-system-running; systemctl --failed --no-legend --plain");
    assert_eq!(state, "running", "{name}");
    let one = systemd(sim);
    eventually(&format!("{name}: there is more than systemd {one}"), || {
        let all = outside(sim, "pgrep -x systemd; true");
        // Each user's own has the same name and another parent.
        all.lines()
            .filter(|pid| {
                outside(sim, &format!("tr '\\0' ' ' </proc/{pid}/cmdline; true")).contains("--user")
            })
            .count()
            + 1
            == all.lines().count()
    });
    assert_eq!(outside(sim, &groups()), "1", "{name}");
    // A killed writer's temporary file goes with the next write of that name, and nothing else is hidden there.
    let hidden = outside(sim, "ls -A /run/nixos-wsl | grep '^\\.'; true");
    assert!(hidden.lines().all(|file| file.starts_with(".state.nixos-wsl-")), "{name}: {hidden}");
}

/// A command as root where WSL's sessions are. It stops itself first, if something is to be done to it before.
fn command(sim: &Sim, stopped: bool, words: &[&str]) -> Command {
    let pid = sim.first(NAME);
    let group = sim.sessions_group(NAME);
    let stop = if stopped { "kill -STOP $$; " } else { "" };
    let line = format!(
        "echo $$ >{}/cgroup.procs && exec nsenter -t {pid} -m -u -i -n -p -C -r -w -- /bin/sh -c '{stop}exec {}'",
        group.display(),
        words.join(" ")
    );
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &line]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs such a command with a tracer of this machine, which traces it alone: its children are systemd's.
fn run_traced(sim: &Sim, tracer: &[String], words: &[&str]) -> ExitStatus {
    let mut command = command(sim, true, words).spawn().expect("sh");
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let is_stopped = |pid: &u32| status(*pid).contains("\nState:\tT (stopped)") && *pid != command.id();
    let mut found = None;
    eventually("the command stops", || {
        found = sim.processes(NAME).into_iter().find(is_stopped);
        found.is_some() && status(command.id()).contains("\nState:\tT (stopped)")
    });
    let pid = found.expect("the command");
    let mut strace = Command::new(&tracer[0])
        .args(tracer[1..].iter().filter(|word| *word != "-f"))
        .args(["-p", &pid.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .expect("strace");
    eventually("strace attaches", || !status(pid).contains("\nTracerPid:\t0\n"));
    // nsenter has stopped as its child has; continued, it continues that one (nsenter(1)).
    let enter = i32::try_from(command.id()).ok().and_then(Pid::from_raw).expect("its id");
    kill_process(enter, Signal::CONT).expect("nsenter");
    let status = command.wait().expect("its end");
    strace.wait().expect("its end");
    status
}

/// Kills every process of a program in the distribution.
fn kill_all(sim: &Sim, program: &str) -> usize {
    let is =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == program);
    let all: Vec<u32> = sim.processes(NAME).into_iter().filter(is).collect();
    for pid in &all {
        if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    all.len()
}

/// The program that starts systemd is killed at any moment, alone or with the process that was becoming systemd.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_killed_at_any_moment_is_made_good_by_the_next_shell() {
    let Some(sim) = imported("a_start_killed_at_any_moment_is_made_good_by_the_next_shell") else { return };
    let start = Instant::now();
    ok(&sim, "true");
    let whole = start.elapsed();
    let mut moments = Moments::new();
    let mut hits = 0;
    let most = rounds(6);
    for round in 0..most {
        outside(&sim, "nixos-wsl stop");
        let mut shell = sim
            .command(["-d", NAME, "--", "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("wsl-sim");
        std::thread::sleep(moments.below(whole));
        hits += usize::from(kill_all(&sim, "nixos-wsl-enter") > 0);
        if round % 2 == 1 {
            kill_all(&sim, "systemd");
            kill_all(&sim, "nixos-wsl-init");
        }
        shell.wait().expect("its end");
        check(&sim, &format!("round {round}"));
    }
    println!("{most} rounds, {hits} hits");
}

/// The same before each of its calls that change a file: the state, the lock, the cgroup.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_killed_at_every_change_is_made_good_by_the_next_shell() {
    let test = "a_start_killed_at_every_change_is_made_good_by_the_next_shell";
    let Some(sim) = imported(test) else { return };
    ok(&sim, "true");
    at_every_change(&sim, &START, || drop(outside(&sim, "nixos-wsl stop")));
}

/// A stop is killed before each of its calls that change a file.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_stop_killed_at_every_change_is_made_good_by_the_next_shell() {
    let test = "a_stop_killed_at_every_change_is_made_good_by_the_next_shell";
    let Some(sim) = imported(test) else { return };
    at_every_change(&sim, &STOP, || drop(ok(&sim, "true")));
}

/// Runs a command again and again, each time from the same beginning and killed one change later.
fn at_every_change(sim: &Sim, words: &[&str], begin: impl Fn()) {
    let log = tempfile::NamedTempFile::new().expect("a file");
    begin();
    let status = run_traced(sim, &traced(log.path(), None, &[]), words);
    assert!(status.success(), "{words:?}: {status}\n{}", fs::read_to_string(log.path()).unwrap_or_default());
    let all: Vec<Point> = points(log.path());
    let chosen = spread(&all, rounds(6));
    let mut hits = 0;
    for point in &chosen {
        begin();
        let status = run_traced(sim, &traced(log.path(), Some(point), &[]), words);
        hits += usize::from(!status.success());
        check(sim, &format!("{words:?} {point:?}"));
    }
    println!("{words:?}: {} points, {} tried, {hits} kills", all.len(), chosen.len());
    assert!(hits > 0, "the kills do not hit");
}

/// A stop is killed at any moment.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_stop_killed_at_any_moment_is_made_good_by_the_next_shell() {
    let Some(sim) = imported("a_stop_killed_at_any_moment_is_made_good_by_the_next_shell") else { return };
    ok(&sim, "true");
    let start = Instant::now();
    outside(&sim, "nixos-wsl stop");
    let whole = start.elapsed();
    let mut moments = Moments::new();
    for round in 0..rounds(6) {
        ok(&sim, "true");
        let mut stop = command(&sim, false, &STOP).spawn().expect("sh");
        std::thread::sleep(moments.below(whole.min(Duration::from_secs(10))));
        kill_all(&sim, "nixos-wsl");
        stop.wait().expect("its end");
        check(&sim, &format!("round {round}"));
    }
}
