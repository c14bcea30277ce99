//! Kills of the distribution, of the activation and of single commands, at random moments and at every system call that
//! changes the disk (U§3 F36). `power_cut.rs` cuts the power at the same ones.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::kills::{Moments, Point, points, rounds, spread, traced};
use crate::support::world;
use crate::support::world::{ACTIVATE, SYSTEMD, World};
use nixos_wsl::boot::counting;
use nixos_wsl::system::root::Root;

const STATE: &str = "var/lib/nixos-wsl/boot.json";
const SECOND: &str = "/nix/store/system-2";
/// A systemd that reaches its target and says so, as nixos-wsl-boot-complete.service does.
const COMPLETES: &str = "/bin/nixos-wsl boot-complete\n";

/// Two generations whose activations replace files of the root and carry out one of two plans by turns.
pub struct Kills {
    pub world: World,
    plans: [String; 2],
    moments: Moments,
}

/// What a plan puts in its place: the path, and the name of its two sources in the store.
const FILES: [(&str, &str); 4] =
    [("sbin/init", "init"), ("bin/sh", "shell"), ("bin/nixos-wsl", "cli"), ("etc/mark", "mark")];

impl Kills {
    pub fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    pub fn on(folder: &Path) -> Self {
        let world = World::on(folder).and_generations(2);
        let activate =
            format!("echo some output\n/bin/nixos-wsl apply /etc/root.json\n{ACTIVATE}sleep 0.01\n");
        for number in [1, 2] {
            world.generation(number, &activate, &format!("{COMPLETES}{SYSTEMD}"));
        }
        std::os::unix::fs::symlink("/init", world.path("bin/wslpath")).unwrap();
        // Two plans by turns, so that every activation has something to replace. A program with a letter behind it runs as
        // it does without.
        let plans = ["a", "b"].map(|letter| {
            for (path, source) in FILES {
                let mut bytes = fs::read(world.path(path)).unwrap_or_default();
                bytes.extend(letter.bytes());
                fs::write(world.path(format!("nix/store/{source}-{letter}")), bytes).unwrap();
            }
            format!(
                r#"{{"version":1,"files":[{{"path":"/sbin/init","source":"/nix/store/init-{letter}","mode":"0755"}},{{"path":"/etc/mark","source":"/nix/store/mark-{letter}","mode":"0644"}}],
                "links":[{{"path":"/etc/link","target":"/nix/store/mark-{letter}"}}],
                "trees":[{{"path":"/bin","keep":["wslpath"],"entries":[{{"name":"sh","source":"/nix/store/shell-{letter}","mode":"0755"}},{{"name":"nixos-wsl","source":"/nix/store/cli-{letter}","mode":"0755"}},{{"name":"mark-{letter}","target":"/nix/store/mark-{letter}"}}]}}]}}"#
            )
        });
        world.copy(world.path("bin/nixos-wsl"), "nix/store/nixos-wsl");
        fs::set_permissions(world.path("nix/store/nixos-wsl"), fs::Permissions::from_mode(0o755)).unwrap();
        let kills = Self { world, plans, moments: Moments::new() };
        // Both have been there once: from now on every file is the one or the other.
        kills.plan(1);
        assert!(kills.apply(&[]).status.success());
        kills
    }

    pub fn plan(&self, round: usize) {
        self.world.write("etc/root.json", &self.plans[round % 2]);
    }

    /// Runs `nixos-wsl apply` on the root, without a boot; with a tracer before it.
    pub fn apply(&self, tracer: &[String]) -> Output {
        self.command(tracer, &["apply", "/etc/root.json"])
    }

    /// Runs one of `nixos-wsl`'s commands in the root, by a program that no plan replaces.
    pub fn command(&self, tracer: &[String], arguments: &[&str]) -> Output {
        let root = self.world.path("").display().to_string();
        let mut words = tracer.to_vec();
        words.extend(["chroot", &root, "/nix/store/nixos-wsl"].map(str::to_owned));
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap()
    }

    /// A time of up to so many microseconds.
    pub fn moment(&mut self, most: u64) -> Duration {
        self.moments.below(Duration::from_micros(most))
    }

    /// No file is neither old nor new. Gives which of the plans has put each there: 0 or 1.
    pub fn sources(&self, round: &str) -> Vec<usize> {
        let mut found: Vec<usize> = FILES
            .iter()
            .map(|(path, source)| {
                let bytes = fs::read(self.world.path(path))
                    .unwrap_or_else(|error| panic!("{round}: {path}: {error}"));
                let mode = self.world.path(path).metadata().unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode, if *path == "etc/mark" { 0o644 } else { 0o755 }, "{round}: {path}");
                let is = |letter| {
                    fs::read(self.world.path(format!("nix/store/{source}-{letter}"))).unwrap() == bytes
                };
                match (is("a"), is("b")) {
                    (true, false) => 0,
                    (false, true) => 1,
                    _ => panic!("{round}: {path} is neither old nor new: {} bytes", bytes.len()),
                }
            })
            .collect();
        let link =
            fs::read_link(self.world.path("etc/link")).unwrap_or_else(|error| panic!("{round}: {error}"));
        found.push(usize::from(link == Path::new("/nix/store/mark-b")));
        assert_eq!(fs::read_link(self.world.path("bin/wslpath")).unwrap(), Path::new("/init"), "{round}");
        found
    }

    /// The whole plan is carried out, and nothing is left of how that was done.
    pub fn assert_whole(&self, round: usize, name: &str) {
        assert_eq!(self.sources(name), [round % 2; 5], "{name}");
        let (new, old) = if round.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
        let exists = |letter| self.world.path(format!("bin/mark-{letter}")).symlink_metadata().is_ok();
        assert!(exists(new) && !exists(old), "{name}");
        for folder in ["", "bin", "sbin", "etc"] {
            for entry in fs::read_dir(self.world.path(folder)).unwrap() {
                let file = entry.unwrap().file_name();
                assert!(
                    !file.to_string_lossy().contains(".nixos-wsl-"),
                    "{name}: {folder}/{} is left",
                    file.display()
                );
            }
        }
    }

    /// The state, which is whole, and how often the second system was started in vain.
    fn attempts(&self, round: &str) -> u32 {
        let (state, warning) = counting::load(&Root::new(self.world.path("")));
        assert_eq!(warning, None, "{round}");
        state.systems.get(Path::new(SECOND)).map_or(0, |record| record.attempts)
    }

    /// After a kill: every path of the root is there, the next start boots the right generation and does all its work.
    pub fn check(&self, round: usize, name: &str) {
        self.sources(name);
        let attempts = self.attempts(name);
        let mut running = self.world.boot();
        let expected = if attempts >= 2 { 1 } else { 2 };
        assert_eq!(running.generation(), expected, "{name}, {attempts} attempts");
        assert!(running.wait_until(|_| self.world.read(STATE).contains("completedAt")), "{name}");
        drop(running);
        self.assert_whole(round, name);
        if expected == 1 {
            self.world.forget_attempts();
        }
    }

    /// The calls of `nixos-wsl apply`, of a boot's process 1, or of another command, that change the disk.
    pub fn points_of(&self, arguments: &[&str]) -> Vec<Point> {
        let log = tempfile::NamedTempFile::new().unwrap();
        let output = self.command(&traced(log.path(), None, &[]), arguments);
        assert!(output.status.success(), "{output:?}");
        points(log.path())
    }

    /// The same of a boot: its process 1 alone, until systemd has taken its place.
    pub fn points_of_boot(&mut self) -> Vec<Point> {
        let log = tempfile::NamedTempFile::new().unwrap();
        self.world.tracer = tracer_of_init(log.path(), None);
        let running = self.world.boot();
        drop(running);
        self.world.tracer = Vec::new();
        points(log.path())
    }
}

/// The tracer is beside process 1, and not its parent.
pub fn tracer_of_init(log: &Path, point: Option<&Point>) -> Vec<String> {
    let mut words = traced(log, point, &["-D"]);
    words.retain(|word| word != "-f");
    words
}

/// Ends a test that has no strace.
#[macro_export]
macro_rules! needs_strace {
    ($name:literal) => {
        needs_world!($name);
        if std::process::Command::new("strace").arg("-V").output().is_err() {
            println!("SKIP {}: no strace", $name);
            return;
        }
    };
}

/// `nixos-wsl apply` is killed before each of its calls that change the disk: each file is the old one or the new one,
/// and the next run does the rest.
#[test]
fn f36_apply_killed_at_every_change_leaves_old_or_new() {
    needs_strace!("f36_apply_killed_at_every_change_leaves_old_or_new");
    let kills = Kills::new();
    kills.plan(0);
    let all = kills.points_of(&["apply", "/etc/root.json"]);
    let chosen = spread(&all, rounds(20));
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut killed = 0;
    for (round, point) in (1..).zip(&chosen) {
        let name = format!("{point:?}");
        kills.plan(round);
        let output = kills.apply(&traced(log.path(), Some(point), &[]));
        killed += usize::from(!output.status.success());
        kills.sources(&name);
        assert!(kills.apply(&[]).status.success(), "{name}");
        kills.assert_whole(round, &name);
    }
    println!("{} points, {} tried, {killed} kills", all.len(), chosen.len());
    assert!(killed * 10 >= chosen.len() * 9, "the kills do not hit: {killed} of {}", chosen.len());
}

/// Process 1 is killed before each of its calls that change the disk, as a `wsl --terminate` does: the next start boots.
#[test]
fn f36_init_killed_at_every_change_boots_the_next_time() {
    needs_strace!("f36_init_killed_at_every_change_boots_the_next_time");
    let mut kills = Kills::new();
    kills.plan(0);
    let all = kills.points_of_boot();
    let chosen = spread(&all, rounds(20));
    let log = tempfile::NamedTempFile::new().unwrap();
    for (round, point) in (1..).zip(&chosen) {
        let name = format!("{point:?}");
        kills.plan(round);
        kills.world.tracer = tracer_of_init(log.path(), Some(point));
        let mut running = kills.world.start();
        running.wait_until(|running| running.path("/run/systemd-started").exists());
        running.kill();
        kills.world.tracer = Vec::new();
        kills.check(round, &name);
        kills.world.forget_attempts();
    }
    println!("{} points, {} tried", all.len(), chosen.len());
}

/// A choice of a generation is killed before each of its calls that change the disk: the choice holds, or the one before,
/// in the profile and in the state.
#[test]
fn f36_a_choice_killed_at_every_change_holds_or_does_not() {
    needs_strace!("f36_a_choice_killed_at_every_change_holds_or_does_not");
    let kills = Kills::new();
    let log = tempfile::NamedTempFile::new().unwrap();
    let profile = || fs::read_link(kills.world.path("nix/var/nix/profiles/system")).unwrap();
    let mut tried = 0;
    for arguments in [&["boot", "1"][..], &["boot", "1", "--once"]] {
        let all = kills.points_of(arguments);
        for point in spread(&all, rounds(20)) {
            assert!(kills.command(&[], &["boot", "2"]).status.success());
            kills.command(&traced(log.path(), Some(&point), &[]), arguments);
            let (state, warning) = counting::load(&Root::new(kills.world.path("")));
            assert_eq!(warning, None, "{point:?}");
            assert!(matches!(state.once, None | Some(1)), "{point:?}");
            let links = ["system-1-link", "system-2-link"];
            assert!(
                links.iter().any(|link| profile() == Path::new(link)),
                "{point:?}: {}",
                profile().display()
            );
            assert!(kills.command(&[], arguments).status.success(), "{point:?}");
            tried += 1;
        }
    }
    println!("{tried} kills");
}

/// The distribution is killed at any moment: the next start always boots, and always the right generation.
#[test]
fn f36_after_kills_at_random_moments_it_still_boots() {
    needs_world!("f36_after_kills_at_random_moments_it_still_boots");
    let mut kills = Kills::new();
    for round in 0..rounds(40) {
        kills.plan(round);
        // A whole boot here takes about 60 ms.
        let moment = kills.moment(80_000);
        let running = kills.world.start();
        std::thread::sleep(moment);
        running.kill();
        kills.check(round, &format!("round {round}"));
    }
}

/// The activation alone is killed, with and without what it has started: this start goes on with a generation
/// that works, and so does the next.
#[test]
fn f36_after_kills_of_the_activation_it_still_boots() {
    needs_world!("f36_after_kills_of_the_activation_it_still_boots");
    let mut kills = Kills::new();
    let mut fell_back = 0;
    let rounds = rounds(40);
    for round in 0..rounds {
        kills.plan(round);
        let moment = kills.moment(40_000);
        let mut running = kills.world.start();
        running.wait_for("/run/nixos-wsl/activating");
        std::thread::sleep(moment);
        let children = running
            .init()
            .and_then(|init| fs::read_to_string(format!("/proc/{init}/task/{init}/children")).ok());
        // When the activation has ended already, the child is another, which is let live.
        let is_activation = |child: &&str| {
            fs::read(format!("/proc/{child}/cmdline"))
                .is_ok_and(|line| line.windows(9).any(|part| part == b"/activate"))
        };
        let activation =
            children.as_deref().unwrap_or_default().split_whitespace().next().filter(is_activation);
        if let Some(activation) = activation.map(str::to_owned) {
            let whom = if round % 4 < 2 { activation } else { format!("-{activation}") };
            let _ = Command::new("kill").args(["-9", "--", &whom]).stderr(Stdio::null()).status();
        }
        running.wait_for_systemd();
        let generation = running.generation();
        if generation == 1 {
            fell_back += 1;
            let notice = running.read("/run/nixos-wsl/notice");
            assert!(notice.contains("generation 2: activate: killed by signal 9"), "round {round}: {notice}");
        }
        assert_eq!(world::stdout(&running.shell("echo a shell")), "a shell\n", "round {round}");
        assert!(
            running.wait_until(|running| running.world.read(STATE).contains("completedAt")),
            "round {round}"
        );
        drop(running);
        kills.check(round, &format!("round {round}"));
        kills.world.forget_attempts();
    }
    assert!(fell_back > rounds / 10, "the kills came too late to prove anything: {fell_back}");
}

/// A write of the state killed at every moment leaves the old state or the new one.
#[test]
fn the_state_survives_a_kill_while_it_is_written() {
    needs_world!("the_state_survives_a_kill_while_it_is_written");
    let world = World::with_generations(2);
    let running = world.boot();
    let mut seen = [0, 0];
    for round in 0..rounds(100) {
        let number = ["1", "2"][round % 2];
        let mut child = running
            .command("/bin/nixos-wsl")
            .args(["boot", number, "--once"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(u64::try_from(round).unwrap() * 37 % 6_000));
        // The command itself: nsenter has become it, or is about to.
        let _ = child.kill();
        let _ = child.wait();
        let (state, warning) = counting::load(&Root::new(world.path("")));
        assert_eq!(warning, None, "round {round}");
        if let Some(once) = state.once {
            seen[usize::try_from(once - 1).unwrap()] += 1;
        }
    }
    assert!(seen.iter().all(|&count| count > 10), "the kills came too early to prove anything: {seen:?}");
}
