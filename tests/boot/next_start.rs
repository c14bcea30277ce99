//! What WSL reads before `/sbin/init` belongs to the system that this start takes: after `nixos-rebuild boot` (the boot
//! loader's installer), a choice, a fall-back, and a start that was for once.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

use crate::support::every_call::Victim;
use crate::support::world::{ACTIVATE, Running, SYSTEMD, World, stdout};

const PASSWD: &str = "root:x:0:0::/root:/usr/lib/nixos-wsl/shells/root/bash\nalice:x:1000:100::/home/alice:/usr/lib/nixos-wsl/shells/alice/bash\n";
const CRASHES: &str = "exit 1\n";

/// The default user of generation N: alice in the first, of the same number with another name in the others.
fn user(number: u64) -> String {
    if number == 1 { "alice".into() } else { format!("user{number}") }
}

fn line(number: u64) -> String {
    let user = user(number);
    format!("{user}:x:1000:100::/home/{user}:/usr/lib/nixos-wsl/shells/{user}/bash\n")
}

fn conf(number: u64) -> String {
    format!("[network]\nhostname = host-{number}\n\n[user]\ndefault = {}\n", user(number))
}

/// Gives generation N what WSL reads, and an activation that brings it, as NixOS's does.
fn settings(world: &World, number: u64, systemd: &str) {
    let system = format!("/nix/store/system-{number}");
    let activate = format!(
        "/bin/nixos-wsl apply {system}/nixos-wsl/root.json
while read -r line; do case $line in root:* | {user}:*) echo \"$line\" ;; esac; done </etc/passwd >/etc/passwd.new
case $(cat /etc/passwd.new) in *{user}:*) ;; *) echo made >/etc/made-{user}; cat {system}/nixos-wsl/default-user >>/etc/passwd.new ;; esac
mv /etc/passwd.new /etc/passwd
cat {system}/etc/wsl.conf >/etc/wsl.conf.new; mv /etc/wsl.conf.new /etc/wsl.conf
{ACTIVATE}",
        user = user(number)
    );
    world.generation(number, &activate, systemd);
    world.write(format!("{system}/etc/wsl.conf"), &conf(number));
    world.write(format!("{system}/etc/wsl-distribution.conf"), &format!("[oobe]\ndefaultName = N{number}\n"));
    world.write(format!("{system}/nixos-wsl/default-user"), &line(number));
    let user = user(number);
    let shells = format!(
        r#"{{"version":1,"shells":{{"path":"/usr/lib/nixos-wsl/shells","source":"/bin/sh","wrappers":[
        {{"path":"/usr/lib/nixos-wsl/shells/{user}/bash","shell":"/nix/store/tools/bin/bash"}},
        {{"path":"/usr/lib/nixos-wsl/shells/root/bash","shell":"/nix/store/tools/bin/bash"}}]}}}}"#
    );
    world.write(format!("{system}/nixos-wsl/root.json"), &shells);
}

/// Two generations, the first of them booted and complete, the profile at it.
fn world() -> World {
    let world = World::new();
    settings(&world, 1, &format!("/bin/nixos-wsl boot-complete\n{SYSTEMD}"));
    settings(&world, 2, SYSTEMD);
    world.write("etc/passwd", PASSWD);
    world.write("etc/wsl.conf", &conf(1));
    world.profile(1);
    world
}

fn run(running: &Running, arguments: &[&str]) -> Output {
    let output = running.run("/bin/nixos-wsl", arguments);
    assert!(output.status.success(), "{output:?}");
    output
}

#[track_caller]
fn expect(world: &World, number: u64) {
    assert_eq!(world.read("etc/wsl.conf"), conf(number));
    let passwd = world.read("etc/passwd");
    assert!(passwd.contains(&line(number)), "{passwd}");
    assert_eq!(world.path("etc/wsl.conf").metadata().unwrap().permissions().mode() & 0o7777, 0o644);
}

#[test]
fn a_system_installed_for_the_next_start_has_its_settings_before_that() {
    needs_world!("a_system_installed_for_the_next_start_has_its_settings_before_that");
    let world = world();
    let running = world.boot();
    expect(&world, 1);
    world.profile(2);
    run(&running, &["prepare-start", "/nix/store/system-2"]);
    expect(&world, 2);
    assert_eq!(world.read("etc/wsl-distribution.conf"), "[oobe]\ndefaultName = N2\n");
    // Who has the number keeps the name until the start, and the new name has its shell.
    assert_eq!(world.read("etc/passwd"), format!("{PASSWD}{}", line(2)));
    let shell = world.path("usr/lib/nixos-wsl/shells/user2");
    assert_eq!(fs::read_link(shell.join("real")).unwrap().to_str(), Some("/nix/store/tools/bin/bash"));
    assert!(shell.join("bash").metadata().unwrap().permissions().mode() & 0o111 != 0);
    // Again, and nothing happens.
    run(&running, &["prepare-start"]);
    assert_eq!(world.read("etc/passwd"), format!("{PASSWD}{}", line(2)));
    drop(running);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    expect(&world, 2);
    // The activation makes the user itself, with what NixOS gives new users alone.
    assert_eq!(world.read("etc/made-user2"), "made\n");
    assert!(!world.read("etc/passwd").contains("alice"));
    assert!(!world.path("var/lib/nixos-wsl/next-user").exists());
}

#[test]
fn a_choice_and_a_start_for_once_bring_their_settings() {
    needs_world!("a_choice_and_a_start_for_once_bring_their_settings");
    let world = world();
    let running = world.boot();
    run(&running, &["boot", "2", "--once"]);
    expect(&world, 2);
    drop(running);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    // The next one is the profile's again.
    expect(&world, 1);
    run(&running, &["boot", "2"]);
    expect(&world, 2);
    run(&running, &["boot", "1"]);
    expect(&world, 1);
    drop(running);
    assert_eq!(world.boot().generation(), 1);
    expect(&world, 1);
    assert!(!world.read("etc/passwd").contains("user2"));

    let output = Command::new(crate::support::world::program("nixos-wsl"))
        .args(["recover", "--root", world.path("").to_str().unwrap(), "boot", "2"])
        .output()
        .unwrap();
    assert!(stdout(&output).contains("generation 2 boots"), "{output:?}");
    expect(&world, 2);
}

#[test]
fn a_fall_back_starts_with_its_own_settings() {
    needs_world!("a_fall_back_starts_with_its_own_settings");
    let world = world();
    assert_eq!(world.boot().generation(), 1);
    settings(&world, 3, CRASHES);
    world.profile(3);
    let running = world.start();
    drop(running);
    world.start().wait_for_end();
    assert_eq!(world.read("etc/wsl.conf"), conf(3), "it has an attempt left");
    world.start().wait_for_end();
    // It will be passed over, for generation 2.
    expect(&world, 2);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    expect(&world, 2);
}

#[test]
fn a_last_attempt_that_completes_keeps_its_settings() {
    needs_world!("a_last_attempt_that_completes_keeps_its_settings");
    let world = world();
    world.profile(2);
    assert_eq!(world.boot().generation(), 2);
    expect(&world, 2);
    let running = world.boot();
    assert_eq!(running.generation(), 2);
    expect(&world, 1);
    run(&running, &["boot-complete"]);
    expect(&world, 2);
}

#[test]
fn links_in_the_place_of_the_files_and_odd_systems_do_no_harm() {
    needs_world!("links_in_the_place_of_the_files_and_odd_systems_do_no_harm");
    let world = world();
    let running = world.boot();
    world.profile(2);
    world.write("etc/elsewhere", "of others");
    fs::remove_file(world.path("etc/wsl.conf")).unwrap();
    symlink("elsewhere", world.path("etc/wsl.conf")).unwrap();
    for bad in ["", "user2", "user2:x:no:100::/:/bin/sh", "\0\n", "a:b\nc:d"] {
        world.write("nix/store/system-2/nixos-wsl/default-user", bad);
        run(&running, &["prepare-start"]);
        assert_eq!(world.read("etc/passwd"), PASSWD, "{bad:?}");
    }
    assert!(world.path("etc/wsl.conf").symlink_metadata().unwrap().is_file());
    assert_eq!(world.read("etc/wsl.conf"), conf(2));
    assert_eq!(world.read("etc/elsewhere"), "of others");
    // Userborn keeps the accounts elsewhere.
    fs::rename(world.path("etc/passwd"), world.path("etc/passwd-file")).unwrap();
    symlink("passwd-file", world.path("etc/passwd")).unwrap();
    world.write("nix/store/system-2/nixos-wsl/default-user", &line(2));
    run(&running, &["prepare-start"]);
    assert!(world.path("etc/passwd").is_symlink());
    assert_eq!(world.read("etc/passwd-file"), PASSWD);
}

#[test]
fn the_settings_are_old_or_new_at_every_kill() {
    needs_world!("the_settings_are_old_or_new_at_every_kill");
    needs_kills!("the_settings_are_old_or_new_at_every_kill");
    let world = world();
    world.profile(2);
    let root = world.path("");
    let victim = Victim {
        command: ["/usr/sbin/chroot", &root.display().to_string(), "/bin/nixos-wsl", "prepare-start"]
            .map(str::to_owned)
            .to_vec(),
        root: &root,
        folders: &["etc", "usr/lib/nixos-wsl/shells"],
        records: &[],
    };
    let reset = || {
        world.write("etc/passwd", PASSWD);
        world.write("etc/wsl.conf", &conf(1));
        drop(fs::remove_file(world.path("var/lib/nixos-wsl/next-user")));
    };
    // The shell and the other file are written by the same means: they are there, so that this takes no minutes.
    reset();
    let [program, arguments @ ..] = &victim.command[..] else { unreachable!() };
    assert!(Command::new(program).args(arguments).status().unwrap().success());
    assert!(victim.kill_everywhere(reset) >= 15, "too few kills to prove anything");
    expect(&world, 2);
}

#[test]
fn the_list_says_what_is_active_booted_and_default() {
    needs_world!("the_list_says_what_is_active_booted_and_default");
    let world = world();
    world.write("nix/store/tested-3/nixos-version", "25.11.test\n");
    let link = world.path("nix/var/nix/profiles/system-1-link");
    let epoch = rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: epoch, last_modification: epoch };
    rustix::fs::utimensat(rustix::fs::CWD, &link, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    let running = world.boot();

    let list = |running: &Running| stdout(&run(running, &["generations"]));
    let of = |text: &str, number: &str| {
        text.lines().find(|line| line.starts_with(number)).unwrap_or_default().to_owned()
    };
    world.profile(2);
    let text = list(&running);
    assert!(of(&text, "1").contains("active, booted") && !text.contains("1970"), "{text}");
    assert!(of(&text, "2").contains(" default") && !of(&text, "2").contains("booted"), "{text}");
    // As `nixos-rebuild test` and `switch` leave it.
    run_in(&running, "ln -sfn /nix/store/tested-3 /run/current-system");
    let text = list(&running);
    assert!(text.lines().last().unwrap().contains("25.11.test"), "{text}");
    assert!(text.lines().last().unwrap().contains("active"), "{text}");
    assert!(of(&text, "1").contains(" booted") && !of(&text, "1").contains("active"), "{text}");
    drop(running);
    // This one never completes.
    let running = world.boot();
    let text = list(&running);
    assert!(of(&text, "2").contains("active, starting, default"), "{text}");
}

fn run_in(running: &Running, line: &str) {
    let output =
        running.run("/nix/store/tools/bin/sh", &["-c", &format!("PATH=/nix/store/tools/bin; {line}")]);
    assert!(output.status.success(), "{output:?}");
}
