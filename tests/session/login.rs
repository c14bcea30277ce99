//! Logins of a system that is still starting, or that is not the one that was wanted (U§3 F14).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::support::world::{ACTIVATE, SYSTEMD, World, stderr, stdout};

const ALICE: &str = "/usr/lib/nixos-wsl/shells/alice/bash";

/// A login that comes before the activation is done waits for it, but not for ever.
#[test]
fn f14_logins_wait_for_the_activation_with_a_deadline() {
    needs_world!("f14_logins_wait_for_the_activation_with_a_deadline");
    let world = World::with_generations(1);
    let wait = "while [ ! -e /tmp/go ]; do sleep 0.01; done\n";
    for (name, make) in [
        ("created late", ACTIVATE.to_owned()),
        ("by rename", "ln -s \"$(dirname \"$0\")\" /run/new; mv /run/new /run/current-system\n".into()),
    ] {
        world.generation(1, &format!("{wait}{make}"), SYSTEMD);
        world.forget_attempts();
        let mut running = world.start();
        running.wait_for("/run/nixos-wsl/activating");
        let mut command = running.command(ALICE);
        let login = command
            .args(["-c", "echo $(stat -c %N /run/current-system)"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        world.write("tmp/go", "");
        let output = login.wait_with_output().unwrap();
        assert!(stdout(&output).contains("/nix/store/system-1"), "{name}: {output:?}");
        fs::remove_file(world.path("tmp/go")).unwrap();
    }
    world.write("nix/store/system-1/nixos-wsl/session.json", r#"{"loginWait":1}"#);
    world.forget_attempts();
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/activating");
    let start = Instant::now();
    let output = running.run(ALICE, &["-c", "echo shell"]);
    assert_eq!(stdout(&output), "shell\n");
    assert!(stderr(&output).contains("still activating after 1 s"), "{output:?}");
    assert!(start.elapsed().as_secs() < 8);
}

/// On a terminal a login that waits says for what, and how far it is; into a pipe nothing.
#[test]
fn a_login_that_waits_says_what_the_activation_does() {
    needs_world!("a_login_that_waits_says_what_the_activation_does");
    let world = World::with_generations(1);
    let wait = "echo setting up /etc...\nwhile [ ! -e /tmp/go ]; do sleep 0.01; done\n";
    world.generation(1, &format!("{wait}{ACTIVATE}"), SYSTEMD);
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/activating");
    let mut piped = running.command(ALICE);
    let pipe = std::process::Stdio::piped;
    let piped = piped.args(["-c", "echo shell"]).stdout(pipe()).stderr(pipe()).spawn().unwrap();

    let init = running.init().unwrap();
    let line = format!("/usr/bin/env -i nsenter -t {init} -m -p -r -w -- {ALICE} -c 'echo a shell'");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    let mut login = script.stdout(pipe()).spawn().unwrap();
    let mut shown = String::new();
    let mut terminal = login.stdout.take().unwrap();
    let mut buffer = [0; 512];
    while !shown.contains("activating generation 1... setting up /etc...") {
        let count = std::io::Read::read(&mut terminal, &mut buffer).unwrap();
        assert!(count > 0, "{shown:?}");
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    world.write("tmp/go", "");
    std::io::Read::read_to_string(&mut terminal, &mut shown).unwrap();
    assert!(login.wait().unwrap().success());
    assert!(shown.ends_with("\r\x1b[Ka shell\r\n"), "{shown:?}");
    let piped = piped.wait_with_output().unwrap();
    assert_eq!((stdout(&piped).as_str(), stderr(&piped).as_str()), ("shell\n", ""), "{piped:?}");
}

#[test]
fn every_interactive_login_says_that_another_generation_runs() {
    needs_world!("every_interactive_login_says_that_another_generation_runs");
    let world = World::with_generations(2);
    world.generation(2, "exit 9", SYSTEMD);
    let running = world.boot();
    let on_terminal = || {
        let mut command = Command::new("script");
        let init = running.init().unwrap();
        let inner = format!("/usr/bin/env -i nsenter -t {init} -m -p -r -w -- {ALICE} -i -c exit");
        let output =
            command.args(["-qec", &inner, "/dev/null"]).stdin(std::process::Stdio::null()).output().unwrap();
        stdout(&output)
    };
    for _ in 0..2 {
        let text = on_terminal();
        assert!(
            text.contains("this is generation 1") && text.contains("generation 2: activate: exit status 9"),
            "{text}"
        );
    }
    assert_eq!(stderr(&running.run(ALICE, &["-c", "true"])), "");
    assert!(running.run("/bin/nixos-wsl", &["boot", "1"]).status.success());
    assert!(!on_terminal().contains("this is generation 1"));
}
