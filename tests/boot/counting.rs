//! Boot counting, choices, and the state file: what two boots in a row know of each other.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

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
            notice.contains("generation 2: started 2 times in a row: never reached multi-user.target"),
            "{notice}"
        );
    }
    // The user's word ends it.
    let running = world.boot();
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
fn completed_and_stopped_boots_do_not_count() {
    needs_world!("completed_and_stopped_boots_do_not_count");
    let world = World::with_generations(2);
    completing(&world, 2);
    for _ in 0..4 {
        assert_eq!(world.boot().generation(), 2);
    }
    world.generation(2, ACTIVATE, SYSTEMD);
    for _ in 0..4 {
        let running = world.boot();
        assert_eq!(running.generation(), 2);
        nixos_wsl(&running, &["boot-complete", "--stopping"]);
    }
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
    assert!(lines[9].contains("running") && lines[10].contains("default"), "{text}");
    assert!(lines[10][column("FAILURE")..].starts_with("activate: exit status 6"), "{text}");
    assert!(lines[3].contains("/nix/store/system-3/activate: No such file"), "{text}");
    assert!(!text.contains('\x1b') && text.lines().all(|line| !line.ends_with(' ')));
}

#[test]
fn a_damaged_state_file_is_ignored_with_a_warning() {
    needs_world!("a_damaged_state_file_is_ignored_with_a_warning");
    let world = World::with_generations(2);
    drop(world.boot());
    let whole = fs::read(world.path(STATE)).unwrap();
    let mut damaged: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\0\xff\0".to_vec(),
        b"[]".to_vec(),
        b"{\"version\":7}".to_vec(),
        b"{\"version\":1,\"once\":-1}".to_vec(),
        vec![b' '; 2 << 20],
        whole[..whole.len() - 1].to_vec(),
    ];
    damaged.push([&whole[..], b"x"].concat());
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
