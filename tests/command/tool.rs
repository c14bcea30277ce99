//! The command line tool: versions, help, tables, colour, and readers that go away.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::support::world::{Running, SYSTEMD, World, program, stderr, stdout};

fn help(arguments: &[&str]) -> String {
    let output = Command::new(program("nixos-wsl")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    stdout(&output)
}

#[test]
fn every_command_has_help_with_examples() {
    let text = help(&[]);
    assert!(text.contains("Usage: nixos-wsl <COMMAND>") && text.contains("\nExamples:\n"), "{text}");
    let commands: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Where lines are broken, their ends stand further to the right.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    for wanted in ["generations", "boot", "recover", "version"] {
        assert!(commands.contains(&wanted), "{text}");
    }
    for command in commands {
        let text = help(&[command]);
        assert!(text.contains("Example"), "{command}: {text}");
    }
    for hidden in ["boot-complete", "link-drivers", "start-menu"] {
        assert!(!text.contains(hidden), "{text}");
        help(&[hidden]);
    }
}

#[test]
fn the_name_that_a_caller_gives_the_program_decides_nothing() {
    use std::os::unix::process::CommandExt;
    for name in ["adduser", "/usr/sbin/usermod", "deluser"] {
        let output = Command::new(program("nixos-wsl")).arg0(name).arg("--help").output().unwrap();
        assert!(stdout(&output).contains("Lists the generations"), "{name}: {output:?}");
    }
    // A script's own word does.
    for name in ["adduser", "usermod", "deluser"] {
        let output = Command::new(program("nixos-wsl")).args([name, "/x/other", "--help"]).output().unwrap();
        assert!(!stdout(&output).contains("Lists the generations"), "{name}: {output:?}");
        assert!(name == "usermod" || stderr(&output).starts_with(&format!("{name}: ")), "{name}: {output:?}");
    }
}

#[test]
fn who_may_not_choose_a_generation_is_told_how() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIP who_may_not_choose_a_generation_is_told_how: only root becomes another user");
        return;
    }
    // A copy that the other user may reach.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("nixos-wsl");
    std::fs::copy(program("nixos-wsl"), &copy).unwrap();
    for arguments in [&["boot", "7"][..], &["boot", "7", "--once"]] {
        let output = Command::new(&copy).args(arguments).uid(12345).gid(12345).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(stderr(&output).contains(&format!("`sudo nixos-wsl {}`", arguments.join(" "))), "{output:?}");
    }
}

#[test]
fn a_wrong_command_line_is_named() {
    for (arguments, reasons) in [
        (&["boot"][..], ["<NUMBER>", "Usage: nixos-wsl boot"]),
        (&["boot", "x"], ["invalid value 'x' for '<NUMBER>'", "invalid digit"]),
        (&["boot", "1", "--twice"], ["unexpected argument '--twice'", "Usage: nixos-wsl boot"]),
        (&["go"], ["unrecognized subcommand 'go'", "Usage: nixos-wsl"]),
    ] {
        let output = Command::new(program("nixos-wsl")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        for reason in reasons {
            assert!(stderr(&output).contains(reason), "{arguments:?}: {output:?}");
        }
    }
}

#[test]
fn versions_are_told_to_people_and_programs() {
    needs_world!("versions_are_told_to_people_and_programs");
    let world = World::with_generations(1);
    let running = world.boot();
    let release = env!("CARGO_PKG_VERSION");
    let output = running.run("/bin/nixos-wsl", &["version"]);
    assert_eq!(stdout(&output), format!("nixos-wsl {release}\nNixOS 25.11.1\n"), "{output:?}");
    world.write("etc/nixos-wsl/version.json", r#"{"rev":"abc123"}"#);
    let output = running.run("/bin/nixos-wsl", &["version", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({ "release": release, "revision": "abc123", "nixos": "25.11.1" });
    assert_eq!(json, expected);
}

/// What the list of generations looks like on a terminal.
fn on_terminal(running: &Running, variables: &str) -> String {
    let init = running.init().unwrap();
    let inner =
        format!("/usr/bin/env -i {variables} nsenter -t {init} -m -p -r -w -- /bin/nixos-wsl generations");
    let mut command = Command::new("script");
    stdout(&command.args(["-qec", &inner, "/dev/null"]).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn colour_is_for_terminals_and_whoever_wants_it() {
    needs_world!("colour_is_for_terminals_and_whoever_wants_it");
    let world = World::with_generations(2);
    world.generation(2, "exit 1", SYSTEMD);
    let running = world.boot();
    let text = on_terminal(&running, "TERM=xterm");
    assert!(text.contains("\x1b[32m1") && text.contains("\x1b[31m2"), "{text:?}");
    let text = on_terminal(&running, "TERM=xterm NO_COLOR=1");
    assert!(text.contains("25.11.2") && !text.contains('\x1b'), "{text:?}");
    let text = stdout(&running.run("/bin/nixos-wsl", &["generations"]));
    assert!(text.contains("25.11.2") && !text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    needs_world!("a_reader_that_goes_away_ends_it_quietly");
    let world = World::with_generations(1);
    let running = world.boot();
    let mut command = running.command("/bin/nixos-wsl");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.arg("generations").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.signal(), Some(13), "{output:?}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_full_disk_behind_its_output_is_an_error_in_one_line() {
    for arguments in [&["version"][..], &["version", "--json"], &["status"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(program("nixos-wsl"));
        let output = command.args(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        let last = stderr(&output).lines().last().map(str::to_owned);
        let expected = "nixos-wsl: standard output: No space left on device (os error 28)";
        assert_eq!(last.as_deref(), Some(expected), "{arguments:?}: {output:?}");
    }
}
