//! `nixos-wsl recover`: from WSL's system distribution, with nothing but the kernel (U§3 F29).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use crate::support::world;
use std::fs;
use std::process::{Command, Output};

use crate::support::world::{ACTIVATE, SYSTEMD, World, stderr, stdout};

/// Runs the distribution's own program in an otherwise empty root, with the distribution mounted at /mnt/wslg/distro as
/// WSL does it: read-only.
fn recover(world: &World, arguments: &str) -> Output {
    Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--", "sh", "-c", &recovery(world, arguments)])
        .output()
        .unwrap()
}

fn recovery(world: &World, arguments: &str) -> String {
    let root = world.path("");
    format!(
        "set -e\nmount --make-rprivate /\nmount -t tmpfs empty /media\nmkdir -p /media/mnt/wslg/distro\n\
         mount --bind {0} /media/mnt/wslg/distro\nmount -o remount,bind,ro /media/mnt/wslg/distro\n\
         exec /usr/bin/env -i /usr/sbin/chroot /media /mnt/wslg/distro/bin/nixos-wsl recover {arguments}",
        root.display()
    )
}

fn broken() -> World {
    let world = World::with_generations(3);
    world.generation(2, "exit 1\n", SYSTEMD);
    fs::remove_dir_all(world.path("nix/store/system-3")).unwrap();
    world
}

#[test]
fn f29_it_lists_what_is_broken() {
    needs_world!("f29_it_lists_what_is_broken");
    let world = broken();
    for arguments in ["", "list"] {
        let output = recover(&world, arguments);
        let text = stdout(&output);
        assert!(output.status.success(), "{output:?}");
        assert!(text.contains("25.11.1"), "{output:?}");
        let third = text.lines().find(|line| line.starts_with('3')).unwrap();
        assert!(
            third.contains("default") && third.contains("/nix/store/system-3/activate: No such file"),
            "{text}"
        );
    }
}

#[test]
fn f29_it_rolls_back() {
    needs_world!("f29_it_rolls_back");
    let world = broken();
    let output = recover(&world, "rollback");
    assert!(stdout(&output).contains("generation 2 boots from the next start on"), "{output:?}");
    let output = recover(&world, "boot 1");
    assert!(stdout(&output).contains("generation 1 boots"), "{output:?}");
    let output = recover(&world, "rollback");
    assert!(
        !output.status.success() && stderr(&output).contains("no generation before generation 1 can boot"),
        "{output:?}"
    );
    let running = world.boot();
    assert_eq!(running.generation(), 1);
    assert!(!running.path("/run/nixos-wsl/notice").exists());
}

#[test]
fn a_terminal_alone_is_told_what_is_under_way() {
    needs_world!("a_terminal_alone_is_told_what_is_under_way");
    let world = World::with_generations(1);
    let steps = ["nixos-wsl: mounting what it needs", "nixos-wsl: activating generation 1"];
    let enter = "enter -- /nix/store/tools/bin/true";
    let piped = stderr(&recover(&world, enter));
    assert!(piped.contains("entering") && steps.iter().all(|step| !piped.contains(step)), "{piped}");

    world.write("recovery", &recovery(&world, enter));
    let line = format!("unshare --mount --pid --fork -- sh {}", world.path("recovery").display());
    let mut script = Command::new("script");
    let output =
        script.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null()).output().unwrap();
    let shown = stdout(&output);
    assert!(steps.iter().all(|step| shown.contains(step)), "{output:?}");
}

#[test]
fn the_caller_s_mounts_stay_as_they_are() {
    needs_world!("the_caller_s_mounts_stay_as_they_are");
    for action in ["rollback", "boot 2", "enter -- /nix/store/tools/bin/true"] {
        let world = broken();
        let root = world.path("");
        let script = format!(
            "set -e\nmount --make-rshared /\nmkdir -p {0}/mnt/view\nmount --bind {0} {0}/mnt/view\nmount -o remount,bind,ro {0}/mnt/view\n\
             sort /proc/self/mountinfo >{0}/before\n{1} recover --root {0}/mnt/view {action} >&2\n\
             sort /proc/self/mountinfo | diff {0}/before - && echo same",
            root.display(),
            world::program("nixos-wsl").display()
        );
        let output = Command::new("unshare").args(["--mount", "--", "sh", "-c", &script]).output().unwrap();
        assert_eq!(stdout(&output), "same\n", "{action}: {output:?}");
    }
}

#[test]
fn f29_it_enters() {
    needs_world!("f29_it_enters");
    let world = broken();
    world.generation(2, &format!("echo activated\n{ACTIVATE}"), SYSTEMD);
    let inside = "'echo $HOME; stat -c %N /run/current-system; echo x >/etc/written; cat /proc/self/comm'";
    let output = recover(&world, &format!("enter -- /nix/store/tools/bin/bash -c {inside}"));
    let text = stdout(&output);
    assert!(text.starts_with("activated\n/root\n"), "{output:?}");
    assert!(text.contains("/nix/store/system-2") && text.ends_with("cat\n"), "{output:?}");
    assert_eq!(world.read("etc/written"), "x\n");
    assert!(stderr(&output).contains("with generation 2"), "{output:?}");

    let output = recover(&world, &format!("enter --generation 1 -- /nix/store/tools/bin/bash -c {inside}"));
    assert!(stdout(&output).contains("/nix/store/system-1"), "{output:?}");
    let output = recover(&world, "enter --generation 7");
    assert!(stderr(&output).contains("generation 7 does not exist"), "{output:?}");
}

#[test]
fn f29_the_root_can_be_named() {
    needs_world!("f29_the_root_can_be_named");
    let world = broken();
    let output = Command::new(world::program("nixos-wsl"))
        .args(["recover", "--root"])
        .arg(world.path(""))
        .arg("list")
        .output()
        .unwrap();
    assert!(stdout(&output).contains("25.11.1"), "{output:?}");
    let output = Command::new(world::program("nixos-wsl"))
        .args(["recover", "--root", "/nowhere", "rollback"])
        .output()
        .unwrap();
    assert!(!output.status.success() && stderr(&output).contains("/nowhere"), "{output:?}");
}
