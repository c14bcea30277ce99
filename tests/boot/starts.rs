//! Starts under a real systemd that do not reach multi-user.target, and what they count for: two of them, then the
//! generation before (the diagram in `src/boot/counting`).
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nixos_wsl::boot::counting::{self, state::SystemRecord};
use nixos_wsl::system::root::Root;
use rustix::process::Signal;

use crate::support::patience::seconds;
use crate::support::sim::{Ended, Sim, bundled, exists, signal};

/// Long for a machine under load; WSL itself waits 10 s for systemd and 10 s for the user's session.
fn limit() -> Duration {
    seconds(90)
}

pub const STATE: &str = "var/lib/nixos-wsl/boot.json";
pub const LOG: &str = "var/log/nixos-wsl-boot.log";

/// The stand-in with every generation in its store; the first is generation 1, and works.
pub fn world(test: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    import(&sim);
    Some(sim)
}

pub fn import(sim: &Sim) {
    let imported = sim.import("NixOS", &bundled("test-image.tar.gz"));
    assert_eq!(imported.code, 0, "{imported:?}");
}

/// A system of the stand-in, as the distribution knows it.
pub fn toplevel(sim: &Sim, name: &str) -> PathBuf {
    fs::read_link(sim.inside("NixOS", &format!("nix/var/nix/gcroots/standin/{name}"))).expect("a generation")
}

/// Makes a system generation 2, the profile's.
pub fn install(sim: &Sim, toplevel: &Path) {
    let profiles = sim.inside("NixOS", "nix/var/nix/profiles");
    for (name, target) in [("system-2-link", toplevel), ("system", Path::new("system-2-link"))] {
        let _ = fs::remove_file(profiles.join(name));
        symlink(target, profiles.join(name)).expect("a link");
    }
    let _ = fs::remove_file(sim.inside("NixOS", STATE));
}

/// The shell of WSL's user, which must be there in time.
pub fn shell(sim: &Sim) -> Ended {
    let start = Instant::now();
    let line = "echo a shell ; readlink /run/current-system ; nixos-wsl generations";
    let ended = sim.run(["--"].into_iter().chain(line.split(' ')));
    assert!(ended.out.starts_with("a shell\n"), "{ended:?}");
    assert!(start.elapsed() < limit(), "the shell came after {:?}", start.elapsed());
    ended
}

/// Boots, and expects this system, with this reason in the log, the list and the notice of every login.
pub fn falls_back(sim: &Sim, what: &str, reason: &str) {
    let ended = shell(sim);
    let running = toplevel(sim, "first");
    assert_eq!(ended.out.lines().nth(1).map(Path::new), Some(running.as_path()), "{what}: {ended:?}");
    assert!(ended.out.contains(reason), "{what}: {ended:?}");
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running --wait"), "running", "{what}");
    let log = fs::read_to_string(sim.inside("NixOS", LOG)).expect("a log");
    assert!(log.contains(&format!("generation 2: {reason}")) || log.contains(reason), "{what}: {log}");
    let notice = sim.sh("NixOS", "cat /run/nixos-wsl/notice");
    assert!(notice.contains("this is generation 1") && notice.contains(reason), "{what}: {notice}");
    sim.ok(["-t", "NixOS"]);
}

/// Ends a supervisor, and with it the distribution, if it has not ended by itself.
fn power_cut(supervisor: u32) {
    // It may be gone by now: a distribution whose process 1 has ended ends by itself.
    signal(supervisor, Signal::KILL);
    wait_for("the supervisor's end", || !exists(supervisor));
}

/// What is counted for a system.
pub fn record(sim: &Sim, system: &Path) -> SystemRecord {
    let (state, warning) = counting::load(&Root::new(sim.inside("NixOS", "")));
    assert_eq!(warning, None);
    state.systems.get(system).cloned().unwrap_or_default()
}

/// Waits for an event, for as long as a machine under load may need.
fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < limit(), "{what}: not within {:?}", limit());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A start whose shell nobody waits for.
pub struct Start<'a> {
    sim: &'a Sim,
    client: Child,
    /// Process 1, as this machine knows it.
    first: u32,
}

impl<'a> Start<'a> {
    pub fn new(sim: &'a Sim) -> Self {
        let mut command = sim.command(["-e", "/bin/true"]);
        let client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("wsl-sim starts");
        let mut first = None;
        wait_for("process 1", || {
            first = sim.try_first("NixOS");
            first.is_some()
        });
        Self { sim, client, first: first.expect("process 1") }
    }

    /// A file of the running distribution.
    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    pub fn wait_for(&self, file: &str) {
        wait_for(file, || self.path(file).exists());
    }

    /// Runs systemctl in the distribution as root.
    fn systemctl(&self, arguments: &[&str]) {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first.to_string(), "-m", "-p", "-u", "-i", "-r", "-w", "--"]);
        let systemctl = "/run/current-system/sw/bin/systemctl";
        // It may not live to see the end.
        let _ = command.arg(systemctl).args(arguments).stderr(Stdio::null()).status().expect("nsenter");
    }

    /// systemd has stopped its units and become the program that ends the rest, or has ended altogether.
    fn wait_for_shutdown(&self) {
        let program = format!("/proc/{}/exe", self.first);
        wait_for("a shutdown", || {
            !exists(self.first)
                || fs::read_link(&program).is_ok_and(|path| path.ends_with("systemd-shutdown"))
        });
    }

    /// Terminates the distribution once its first session is over: before that WSL's init hears nobody, here as in WSL,
    /// and is killed after some seconds.
    pub fn terminate(&mut self) {
        self.client.wait().expect("wsl-sim ends");
        self.sim.ok(["-t", "NixOS"]);
    }

    /// Ends what is left of it, as a power cut does.
    pub fn cut(mut self) {
        if let Some(supervisor) = self.sim.try_supervisor("NixOS").filter(|&pid| exists(pid)) {
            power_cut(supervisor);
        }
        self.client.wait().expect("wsl-sim ends");
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_generation_that_powers_off_or_restarts_early_gives_way() {
    let Some(sim) = world("a_generation_that_powers_off_or_restarts_early_gives_way") else { return };
    for name in ["powersOff", "restarts"] {
        let system = toplevel(&sim, name);
        install(&sim, &system);
        for attempts in 1..=2 {
            let start = Start::new(&sim);
            start.wait_for_shutdown();
            start.cut();
            assert_eq!(record(&sim, &system).attempts, attempts, "{name}");
        }
        let reason = "started 2 times in a row without reaching multi-user.target: it was powered off or restarted from inside";
        falls_back(&sim, name, reason);
    }
}

/// Below the default, it is put aside as well.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_fall_back_does_not_end_at_a_generation_that_powers_off() {
    let Some(sim) = world("a_fall_back_does_not_end_at_a_generation_that_powers_off") else { return };
    install(&sim, &toplevel(&sim, "powersOff"));
    let profiles = sim.inside("NixOS", "nix/var/nix/profiles");
    fs::remove_file(profiles.join("system")).expect("the profile");
    symlink(toplevel(&sim, "withoutSystemd"), profiles.join("system-3-link")).expect("a link");
    symlink("system-3-link", profiles.join("system")).expect("a link");
    for _ in 0..2 {
        let start = Start::new(&sim);
        start.wait_for_shutdown();
        start.cut();
    }
    falls_back(&sim, "below the default", "started 2 times in a row without reaching multi-user.target");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_that_hangs_and_dies_in_any_way_counts() {
    let Some(sim) = world("a_start_that_hangs_and_dies_in_any_way_counts") else { return };
    let system = toplevel(&sim, "loops");
    for way in ["exit", "poweroff -ff", "SIGSEGV", "kill of everything", "terminated when overdue"] {
        install(&sim, &system);
        // Its session is waited for, which has no systemd.
        if way == "terminated when overdue" {
            sim.let_limits_expire();
        }
        for attempts in 1..=2 {
            let mut start = Start::new(&sim);
            start.wait_for("/run/loops");
            match way {
                "exit" => {
                    start.systemctl(&["exit"]);
                    start.wait_for_shutdown();
                }
                "poweroff -ff" => {
                    start.systemctl(&["poweroff", "-ff"]);
                    wait_for("the end of process 1", || !exists(start.first));
                }
                "SIGSEGV" => {
                    let process = start.first.to_string();
                    assert!(Command::new("kill").args(["-SEGV", &process]).status().expect("kill").success());
                    // Its handler has been entered: systemd sleeps there for ever.
                    wait_for("a crash", || {
                        let status =
                            fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
                        !exists(start.first) || status.contains("SigBlk:\t0000000000000400")
                    });
                }
                "terminated when overdue" => {
                    let begun = fs::read(start.path("/run/nixos-wsl/boot")).expect("the start's file");
                    let begun: serde_json::Value = serde_json::from_slice(&begun).expect("JSON");
                    let due =
                        begun["since"].as_u64().expect("seconds") + begun["limit"].as_u64().expect("seconds");
                    wait_for("the start's limit", || uptime() > due + 1);
                    start.terminate();
                }
                _ => {}
            }
            start.cut();
            assert_eq!(record(&sim, &system).attempts, attempts, "{way}");
        }
        let reason = match way {
            "terminated when overdue" => "without reaching multi-user.target: it was still starting after",
            _ => "started 2 times in a row without reaching multi-user.target",
        };
        falls_back(&sim, way, reason);
    }
}

fn uptime() -> u64 {
    let text = fs::read_to_string("/proc/uptime").expect("proc");
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

/// Stopped from outside while it had time left: nobody's fault, and no reason to forget an earlier one.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_stop_from_outside_in_time_does_not_count() {
    let Some(sim) = world("a_stop_from_outside_in_time_does_not_count") else { return };
    sim.let_limits_expire();
    let system = toplevel(&sim, "slowUnits");
    install(&sim, &system);
    let attempt = |way: &str| {
        let mut start = Start::new(&sim);
        start.wait_for("/run/loops");
        assert!(record(&sim, &system).starting);
        if way == "stopped" {
            start.terminate();
        }
        start.cut();
        record(&sim, &system).attempts
    };
    let counted: Vec<u32> = ["stopped", "stopped", "cut", "stopped", "cut"].map(attempt).into();
    assert_eq!(counted, [0, 0, 1, 1, 2]);
    falls_back(&sim, "cut twice", "started 2 times in a row without reaching multi-user.target");
    let chosen = sim.ok(["-u", "root", "--", "nixos-wsl", "boot", "2"]);
    assert!(chosen.contains("generation 2 boots from the next start on"), "{chosen}");
    sim.ok(["-t", "NixOS"]);
    assert_eq!(attempt("stopped"), 0);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_start_that_completes_is_noted_and_has_one_more_attempt() {
    let Some(sim) = world("a_start_that_completes_is_noted_and_has_one_more_attempt") else { return };
    let second = toplevel(&sim, "second");
    install(&sim, &second);
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running --wait"), "running");
    let now = record(&sim, &second);
    assert!(now.attempts == 0 && now.completed_at.is_some(), "{now:?}");
    sim.ok(["-t", "NixOS"]);
    assert_eq!(record(&sim, &second), now, "a stop after that says nothing more");
    let journal = "nixos-wsl-boot-stop.service: Failed";
    assert!(!fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("a log").contains(journal));
}

/// Its user is to take over there, and may work for hours.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn emergency_mode_does_not_count() {
    let Some(sim) = world("emergency_mode_does_not_count") else { return };
    for name in ["emergency", "failingMount"] {
        let system = toplevel(&sim, name);
        install(&sim, &system);
        for _ in 0..3 {
            let start = Start::new(&sim);
            wait_for("the attempt", || {
                record(&sim, &system)
                    == SystemRecord { starting: true, attempts: 1, ..SystemRecord::default() }
            });
            wait_for("emergency mode", || record(&sim, &system) == SystemRecord::default());
            assert_eq!(fs::read_link(start.path("/run/booted-system")).expect("a link"), system);
            start.cut();
        }
    }
}
