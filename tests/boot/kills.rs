//! Kills at random moments: of the distribution, of the activation, of a write of the state (U§3 F36).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use crate::support::world;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::world::{ACTIVATE, SYSTEMD, World};
use nixos_wsl::boot::counting;
use nixos_wsl::system::root::Root;

const STATE: &str = "var/lib/nixos-wsl/boot.json";
const SECOND: &str = "/nix/store/system-2";
/// A systemd that reaches its target and says so, as nixos-wsl-boot-complete.service does.
const COMPLETES: &str = "/bin/nixos-wsl boot-complete\n";

/// Two generations whose activations replace files of the root and say which of two plans they carried out.
struct Kills {
    world: World,
    plans: [String; 2],
    random: u32,
}

impl Kills {
    fn new() -> Self {
        let world = World::with_generations(2);
        let activate =
            format!("echo some output\n/bin/nixos-wsl apply /etc/root.json\n{ACTIVATE}sleep 0.01\n");
        for number in [1, 2] {
            world.generation(number, &activate, &format!("{COMPLETES}{SYSTEMD}"));
        }
        for (from, to) in [("sbin/init", "init"), ("bin/sh", "shell"), ("bin/nixos-wsl", "cli")] {
            fs::copy(world.path(from), world.path("nix/store").join(to)).unwrap();
        }
        std::os::unix::fs::symlink("/init", world.path("bin/wslpath")).unwrap();
        // Two plans by turns, so that every activation has something to replace.
        let plans = ["a", "b"].map(|mark| {
            world.write(format!("nix/store/mark-{mark}"), mark);
            format!(
                r#"{{"version":1,"files":[{{"path":"/sbin/init","source":"/nix/store/init","mode":"0755"}},{{"path":"/etc/mark","source":"/nix/store/mark-{mark}","mode":"0644"}}],
                "trees":[{{"path":"/bin","keep":["wslpath"],"entries":[{{"name":"sh","source":"/nix/store/shell","mode":"0755"}},{{"name":"nixos-wsl","source":"/nix/store/cli","mode":"0755"}},{{"name":"mark-{mark}","target":"/nix/store/mark-{mark}"}}]}}]}}"#
            )
        });
        // A fixed sequence keeps a failure repeatable.
        Self { world, plans, random: 0x2545_f491 }
    }

    fn plan(&self, round: usize) {
        self.world.write("etc/root.json", &self.plans[round % 2]);
    }

    /// A time of up to so many microseconds.
    fn moment(&mut self, most: u64) -> Duration {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Duration::from_micros(u64::from(self.random >> 8) % most)
    }

    /// The state, which is whole, and how often the second system was started in vain.
    fn attempts(&self, round: usize) -> u32 {
        let (state, warning) = counting::load(&Root::new(self.world.path("")));
        assert_eq!(warning, None, "round {round}");
        state.systems.get(Path::new(SECOND)).map_or(0, |record| record.attempts)
    }

    /// After a kill: every path of the root is there, the next start boots the right generation and does all its work.
    fn check(&self, round: usize) {
        for file in ["sbin/init", "bin/sh", "bin/nixos-wsl", "bin/wslpath"] {
            assert!(self.world.path(file).symlink_metadata().is_ok(), "round {round}: {file} is gone");
        }
        let attempts = self.attempts(round);
        let mut running = self.world.boot();
        let expected = if attempts >= 2 { 1 } else { 2 };
        assert_eq!(running.generation(), expected, "round {round}, {attempts} attempts");
        assert!(running.wait_until(|_| self.world.read(STATE).contains("completedAt")), "round {round}");
        assert_eq!(self.world.read("etc/mark"), ["a", "b"][round % 2], "round {round}");
        drop(running);
        if expected == 1 {
            self.world.forget_attempts();
        }
    }
}

/// A power cut at any moment, 200 times: the next start always boots, and always the right generation.
#[test]
fn f36_after_200_kills_at_random_moments_it_still_boots() {
    needs_world!("f36_after_200_kills_at_random_moments_it_still_boots");
    let mut kills = Kills::new();
    for round in 0..200 {
        kills.plan(round);
        // A whole boot here takes about 60 ms.
        let moment = kills.moment(80_000);
        let running = kills.world.start();
        std::thread::sleep(moment);
        running.kill();
        kills.check(round);
    }
}

/// The activation alone is killed, 200 times, with and without what it has started: this start goes on with a generation
/// that works, and so does the next.
#[test]
fn f36_after_200_kills_of_the_activation_it_still_boots() {
    needs_world!("f36_after_200_kills_of_the_activation_it_still_boots");
    let mut kills = Kills::new();
    let mut fell_back = 0;
    for round in 0..200 {
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
        kills.check(round);
        kills.world.forget_attempts();
    }
    assert!(fell_back > 20, "the kills came too late to prove anything: {fell_back}");
}

/// A write of the state killed at every moment leaves the old state or the new one.
#[test]
fn the_state_survives_a_kill_while_it_is_written() {
    needs_world!("the_state_survives_a_kill_while_it_is_written");
    let world = World::with_generations(2);
    let running = world.boot();
    let mut seen = [0, 0];
    for round in 0_u64..300 {
        let number = ["1", "2"][usize::try_from(round % 2).unwrap()];
        let mut child = running
            .command("/bin/nixos-wsl")
            .args(["boot", number, "--once"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(round * 37 % 6_000));
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
