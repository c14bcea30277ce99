//! Boot counting, choices, and the state file: what two boots in a row know of each other.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nixos_wsl::boot::counting;
use nixos_wsl::system::root::Root;
use rustix::fs::FlockOperation;

use crate::support::world::{ACTIVATE, Running, SYSTEMD, World, stderr, stdout};

const STATE: &str = "var/lib/nixos-wsl/boot.json";
/// A systemd that reaches its target and says so, as nixos-wsl-boot-complete.service does.
const COMPLETES: &str = "/bin/nixos-wsl boot-complete\n";
const CRASHES: &str = "exit 1\n";

fn completing(world: &World, number: u64) {
    world.generation(number, ACTIVATE, &format!("{COMPLETES}{SYSTEMD}"));
}

fn nixos_wsl(running: &Running, arguments: &[&str]) -> String {
    let output = running.run("/bin/nixos-wsl", arguments);
    assert!(output.status.success(), "{output:?}");
    stdout(&output)
}

#[test]
fn two_boots_that_do_not_complete_bring_back_the_generation_before() {
    needs_world!("two_boots_that_do_not_complete_bring_back_the_generation_before");
    let world = World::with_generations(2);
    completing(&world, 1);
    for _ in 0..2 {
        assert_eq!(world.boot().generation(), 2);
    }
    for _ in 0..3 {
        let running = world.boot();
        assert_eq!(running.generation(), 1);
        let notice = running.read("/run/nixos-wsl/notice");
        assert!(
            notice.contains("generation 2: started 2 times in a row without reaching multi-user.target\n"),
            "{notice}"
        );
    }
    // The user's word ends it.
    let running = world.boot();
    let notice = running.read("/run/nixos-wsl/notice");
    assert!(notice.contains("wsl -d NAME -u root -- nixos-wsl boot N"), "{notice}");
    nixos_wsl(&running, &["boot", "2"]);
    drop(running);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    assert!(!running.path("/run/nixos-wsl/notice").exists());
}

#[test]
fn a_systemd_that_crashes_at_once_gives_way_and_alone_to_a_rescue() {
    needs_world!("a_systemd_that_crashes_at_once_gives_way_and_alone_to_a_rescue");
    let world = World::with_generations(2);
    world.generation(2, ACTIVATE, CRASHES);
    for _ in 0..2 {
        world.start().wait_for_end();
    }
    assert_eq!(world.boot().generation(), 1);

    let world = World::with_generations(1);
    world.generation(1, ACTIVATE, CRASHES);
    for _ in 0..2 {
        world.start().wait_for_end();
    }
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    assert_eq!(stdout(&running.shell("echo a shell")), "a shell\n");
    drop(running);
    // The start after a rescue tries again: it may have been two power cuts.
    world.generation(1, ACTIVATE, SYSTEMD);
    assert_eq!(world.boot().generation(), 1);
}

#[test]
fn completed_boots_do_not_count_and_those_that_stop_by_themselves_do() {
    needs_world!("completed_boots_do_not_count_and_those_that_stop_by_themselves_do");
    let world = World::with_generations(2);
    completing(&world, 2);
    for _ in 0..4 {
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        nixos_wsl(&running, &["boot-complete", "--stopping"]);
    }
    // What a unit sees that powers the system off: nobody outside has asked for it.
    let world = World::with_generations(2);
    for _ in 0..2 {
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        nixos_wsl(&running, &["boot-complete", "--stopping"]);
    }
    let running = world.boot();
    assert_eq!(running.generation(), 1);
    let notice = running.read("/run/nixos-wsl/notice");
    assert!(notice.contains("target: it was powered off or restarted from inside before that"), "{notice}");
}

#[test]
fn a_system_that_has_completed_before_has_one_more_attempt_and_the_text_says_so() {
    needs_world!("a_system_that_has_completed_before_has_one_more_attempt_and_the_text_says_so");
    let world = World::with_generations(2);
    completing(&world, 2);
    assert_eq!(world.boot().generation(), 2);
    world.generation(2, ACTIVATE, SYSTEMD);
    for _ in 0..3 {
        assert_eq!(world.boot().generation(), 2);
    }
    let running = world.boot();
    assert_eq!(running.generation(), 1);
    let notice = running.read("/run/nixos-wsl/notice");
    let text = "started 3 times in a row without reaching multi-user.target (which it last did on 20";
    assert!(notice.contains(text) && !notice.contains("never"), "{notice}");
}

#[test]
fn emergency_mode_takes_the_attempt_back_once() {
    needs_world!("emergency_mode_takes_the_attempt_back_once");
    let world = World::with_generations(2);
    drop(world.boot());
    for _ in 0..4 {
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        for _ in 0..2 {
            nixos_wsl(&running, &["boot-complete", "--emergency"]);
        }
        nixos_wsl(&running, &["boot-complete", "--stopping"]);
        assert!(world.read(STATE).contains("\"attempts\":1"), "the one before still counts");
    }
}

/// Without a note that it is used up, a choice for one start would be one for all of them: it waits.
#[test]
fn once_waits_until_it_can_be_noted_as_used_up() {
    needs_world!("once_waits_until_it_can_be_noted_as_used_up");
    let mut world = World::with_generations(2);
    completing(&world, 2);
    let running = world.boot();
    nixos_wsl(&running, &["boot", "1", "--once"]);
    drop(running);
    world.prepare = "mount -o remount,bind,ro $R".into();
    for _ in 0..3 {
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        let notice = running.read("/run/nixos-wsl/notice");
        let text = "generation 1: it was chosen for one start, which waits until it can be noted as used up: \
                    /var/lib/nixos-wsl/boot.json: Read-only file system";
        assert!(notice.contains(text), "{notice}");
    }
    world.prepare.clear();
    assert_eq!(world.boot().generation(), 1);
    assert_eq!(world.boot().generation(), 2, "once");

    // Chosen, and deleted since.
    let running = world.boot();
    nixos_wsl(&running, &["boot", "1", "--once"]);
    drop(running);
    fs::remove_file(world.path("nix/var/nix/profiles/system-1-link")).unwrap();
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    let notice = running.read("/run/nixos-wsl/notice");
    assert!(
        notice.contains("generation 1 was chosen for one start, and does not exist any more"),
        "{notice}"
    );
    drop(running);
    assert!(!world.boot().path("/run/nixos-wsl/notice").exists());
}

/// After a rescue all systems are tried again in their order, whatever was counted for each.
#[test]
fn a_rescue_leaves_the_order_as_it_is() {
    needs_world!("a_rescue_leaves_the_order_as_it_is");
    let world = World::with_generations(2);
    world.generation(2, "exit 5\n", SYSTEMD);
    world.write(STATE, r#"{"version":1,"systems":{"/nix/store/system-2":{"attempts":1},"/nix/store/system-1":{"attempts":2}}}"#);
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    let notice = running.read("/run/nixos-wsl/notice");
    assert!(notice.contains("no generation of this system could be started"), "{notice}");
    assert!(notice.contains("wsl -d NAME -u root -- nixos-wsl boot N"), "{notice}");
    drop(running);
    world.generation(2, ACTIVATE, SYSTEMD);
    assert_eq!(world.boot().generation(), 2);
}

/// What was counted cannot be forgotten there, and must not keep every start in the rescue.
#[test]
fn on_a_read_only_disk_passed_over_systems_are_tried_before_the_rescue() {
    needs_world!("on_a_read_only_disk_passed_over_systems_are_tried_before_the_rescue");
    let mut world = World::with_generations(1);
    for _ in 0..2 {
        drop(world.boot());
    }
    world.prepare = "mount -o remount,bind,ro $R".into();
    for _ in 0..2 {
        let running = world.boot();
        assert_eq!(running.generation(), 1);
        assert!(running.kmsg().contains("attempts are not forgotten: /var/lib/nixos-wsl/boot.json"));
    }
}

/// On a real file system without a byte for anybody, root's reserve included: everything is recorded all the same.
#[test]
fn a_full_disk_keeps_the_count() {
    needs_world!("a_full_disk_keeps_the_count");
    let mut world = World::with_generations(2);
    completing(&world, 2);
    let image = world.path("disk.ext4");
    fs::File::create(&image).unwrap().set_len(2 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-m", "0", "-b", "1024"]).arg(&image).status().unwrap();
    assert!(made.success());
    world.prepare = "mount -o loop $R/disk.ext4 $R/var/lib/nixos-wsl".into();
    assert_eq!(world.boot().generation(), 2);
    // Whatever is free at the time of the mount is taken.
    world.prepare.push_str("; /bin/busybox yes >>$R/var/lib/nixos-wsl/fill 2>/dev/null || true");
    for round in 0..5 {
        let mut running = world.boot();
        assert_eq!(running.generation(), 2, "{round}");
        let full = rustix::fs::statvfs(running.path("/var/lib/nixos-wsl")).unwrap();
        // Of what is free beyond that not even root gets a block (ext4 keeps it for its own work).
        assert_eq!(full.f_bavail, 0);
        let counted = running.wait_until(|running| {
            let (state, _) = counting::load(&Root::new(running.path("/")));
            state.systems.values().any(|record| !record.starting && record.attempts == 0)
        });
        assert!(counted, "round {round}");
        nixos_wsl(&running, &["boot-complete"]);
        assert!(!running.kmsg().contains("not counted"), "{}", running.kmsg());
    }
    // Those that do not complete are put aside as ever, and the user's choice is kept.
    world.generation(2, ACTIVATE, SYSTEMD);
    for _ in 0..3 {
        assert_eq!(world.boot().generation(), 2);
    }
    let running = world.boot();
    assert_eq!(running.generation(), 1);
    nixos_wsl(&running, &["boot", "2"]);
    drop(running);
    assert_eq!(world.boot().generation(), 2);
}

/// Commands, units and init change one state: none takes back what another has written.
#[test]
fn changes_by_many_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new(folder.path());
    let count = |system: usize| {
        let (root, system) = (root.clone(), format!("/nix/store/system-{system}"));
        move || {
            for _ in 0..25 {
                counting::update(&root, |state| state.begin(Path::new(&system))).unwrap();
            }
        }
    };
    let threads: Vec<_> = (0..8).map(|number| std::thread::spawn(count(number % 2))).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let (state, warning) = counting::load(&root);
    assert_eq!(warning, None);
    let counts: Vec<u32> = state.systems.values().map(|record| record.attempts).collect();
    assert_eq!(counts, [100, 100]);
}

/// Whatever an ordinary user can open, that user can lock for ever.
#[test]
fn nobody_but_root_can_keep_a_boot_waiting() {
    needs_world!("nobody_but_root_can_keep_a_boot_waiting");
    let world = World::with_generations(1);
    completing(&world, 1);
    drop(world.boot());
    let mut locks = Vec::new();
    for entry in fs::read_dir(world.path("var/lib/nixos-wsl")).unwrap() {
        let path = entry.unwrap().path();
        if fs::metadata(&path).unwrap().permissions().mode() & 0o044 != 0 {
            locks.push(fs::File::open(path).unwrap());
        }
    }
    locks.push(fs::File::open(world.path("var/lib/nixos-wsl")).unwrap());
    for lock in &locks {
        rustix::fs::flock(lock, FlockOperation::LockExclusive).unwrap();
    }
    assert_eq!(world.boot().generation(), 1);
    assert!(
        fs::metadata(world.path("var/lib/nixos-wsl/boot.lock"))
            .unwrap()
            .permissions()
            .mode()
            .trailing_zeros()
            >= 6
    );
}

#[test]
fn once_is_for_one_start_and_survives_a_failure() {
    needs_world!("once_is_for_one_start_and_survives_a_failure");
    let world = World::with_generations(3);
    (1..=3).for_each(|number| completing(&world, number));
    let running = world.boot();
    let text = nixos_wsl(&running, &["boot", "1", "--once"]);
    assert!(text.contains("generation 1 boots at the next start, once"), "{text}");
    assert!(
        nixos_wsl(&running, &["generations"])
            .lines()
            .any(|line| line.starts_with('1') && line.contains("next start"))
    );
    drop(running);
    let running = world.boot();
    assert_eq!(running.generation(), 1);
    assert!(!running.path("/run/nixos-wsl/notice").exists());
    drop(running);
    let running = world.boot();
    assert_eq!(running.generation(), 3);

    // Chosen, broken since: the profile's generation boots and says why.
    nixos_wsl(&running, &["boot", "2", "--once"]);
    drop(running);
    world.generation(2, "exit 5\n", SYSTEMD);
    let running = world.boot();
    assert_eq!(running.generation(), 3);
    assert!(running.read("/run/nixos-wsl/notice").contains("generation 2: activate: exit status 5"));
    drop(running);
    assert_eq!(world.boot().generation(), 3);
}

#[test]
fn boot_changes_the_profile_and_refuses_what_cannot_boot() {
    needs_world!("boot_changes_the_profile_and_refuses_what_cannot_boot");
    let world = World::with_generations(3);
    completing(&world, 1);
    let running = world.boot();
    nixos_wsl(&running, &["boot", "1"]);
    assert_eq!(
        fs::read_link(world.path("nix/var/nix/profiles/system")).unwrap().to_str(),
        Some("system-1-link")
    );
    let refused = running.run("/bin/nixos-wsl", &["boot", "9"]);
    assert!(
        !refused.status.success() && stderr(&refused).contains("generation 9 does not exist"),
        "{refused:?}"
    );
    fs::remove_file(world.path("nix/store/system-2/activate")).unwrap();
    let refused = running.run("/bin/nixos-wsl", &["boot", "2"]);
    assert!(
        stderr(&refused).contains("cannot boot: /nix/store/system-2/activate: No such file"),
        "{refused:?}"
    );
    drop(running);
    assert_eq!(world.boot().generation(), 1);
}

#[test]
fn generations_shows_dates_versions_and_failures_in_columns() {
    needs_world!("generations_shows_dates_versions_and_failures_in_columns");
    let world = World::with_generations(10);
    world.generation(10, "exit 6\n", SYSTEMD);
    fs::remove_dir_all(world.path("nix/store/system-3")).unwrap();
    let running = world.boot();
    let text = nixos_wsl(&running, &["generations"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    let column = |name: &str| lines[0].find(name).unwrap();
    for (line, number) in lines[1..].iter().zip(1..) {
        assert!(line.starts_with(&number.to_string()), "{text}");
        assert!(line[column("DATE")..].starts_with("20"), "{text}");
    }
    assert!(lines[9][column("VERSION")..].starts_with("25.11.9 "), "{text}");
    assert!(lines[9].contains("active") && lines[10].contains("default"), "{text}");
    assert!(lines[10][column("FAILURE")..].starts_with("activate: exit status 6"), "{text}");
    assert!(lines[3].contains("/nix/store/system-3/activate: No such file"), "{text}");
    assert!(!text.contains('\x1b') && text.lines().all(|line| !line.ends_with(' ')));
}

#[test]
fn a_damaged_state_file_is_ignored_with_a_warning() {
    needs_world!("a_damaged_state_file_is_ignored_with_a_warning");
    let world = World::with_generations(2);
    drop(world.boot());
    let damaged: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\0\xff\0".to_vec(),
        b"[]".to_vec(),
        b"{\"version\":7}".to_vec(),
        b"{\"version\":1,\"once\":-1}".to_vec(),
        vec![b' '; 2 << 20],
        vec![b' '; 32 << 10],
    ];
    for bytes in damaged {
        fs::write(world.path(STATE), &bytes).unwrap();
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        assert!(running.kmsg().contains("boot.json: ignored"), "{:?}: {}", bytes.len(), running.kmsg());
        assert!(world.read(STATE).contains("\"attempts\":1"));
    }
    fs::remove_file(world.path(STATE)).unwrap();
    fs::create_dir(world.path(STATE)).unwrap();
    assert_eq!(world.boot().generation(), 2);
    assert!(world.read(STATE).contains("\"attempts\":1"));
}

#[test]
fn the_log_and_the_state_are_for_every_user_to_read() {
    needs_world!("the_log_and_the_state_are_for_every_user_to_read");
    let world = World::with_generations(1);
    drop(world.boot());
    for file in ["var/log/nixos-wsl-boot.log", STATE] {
        assert_eq!(fs::metadata(world.path(file)).unwrap().permissions().mode() & 0o777, 0o644, "{file}");
    }
    drop(world.boot());
    assert!(world.read("var/log/nixos-wsl-boot.log.old").contains("generation 1: activating"));
}
