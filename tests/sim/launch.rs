//! Processes in the stand-in's image: exit codes, arguments, streams, directory, environment (W§6).
#![cfg(feature = "sim")]

use std::fs;
use std::process::Stdio;

use crate::support::patience::eventually;
use crate::support::sim::{Ended, Sim, ended, namespace, systemd_exec, with_input};

fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    sim.run(arguments)
}

/// A program that runs without a shell.
fn exec(sim: &Sim, arguments: &[&str]) -> Ended {
    sim.run([&["-d", "NixOS", "-u", "root"][..], &systemd_exec(arguments)].concat())
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn exit_codes_and_signals() {
    let Some(sim) = Sim::with_image("exit_codes_and_signals") else { return };
    for code in ["0", "1", "42", "255"] {
        assert_eq!(run(&sim, &["--", "exit", code]).code.to_string(), code);
        assert_eq!(exec(&sim, &["/bin/sh", "-c", "exit $0", code]).code.to_string(), code);
    }
    for (signal, code) in [("KILL", 9), ("TERM", 15), ("HUP", 1)] {
        let line = ["/bin/sh", "-c", "kill -$0 $$", signal];
        let outside = run(&sim, &[&["-u", "root", "-e"], &line[..]].concat());
        assert_eq!(outside.code, code, "SIG{signal}: the raw wait status");
        // The session's first process has no other way to tell (docs/namespace.md).
        let expected = if namespace() { 128 + code } else { code };
        assert_eq!(exec(&sim, &line).code, expected, "SIG{signal}: under systemd");
    }
    let missing = run(&sim, &["-u", "root", "-e", "no-such-program"]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.ends_with(" - Relay) ERROR: CreateProcessCommon:819: execvpe(no-such-program) failed: No such file or directory\n"), "{missing:?}");
    let user = run(&sim, &["-u", "nobody-here", "--", "true"]);
    assert_eq!((user.code, user.out.lines().next()), (255, Some("User not found.")));
    assert_eq!(run(&sim, &["--", "exit", "67"]).code, 255, "wsl.exe takes 67 for the same thing");
    let directory = run(&sim, &["--cd", "/no/such/place", "--", "pwd"]);
    assert_eq!((directory.code, directory.out.as_str()), (0, "/\n"));
    assert!(
        directory.err.contains("CreateProcessCommon:811: chdir(/no/such/place) failed 2"),
        "{directory:?}"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn arguments_arrive_as_they_are() {
    let Some(sim) = Sim::with_image("arguments_arrive_as_they_are") else { return };
    let arguments = [
        "a b",
        "",
        "  ",
        "\"",
        "'",
        "$HOME",
        "`id`",
        "$(id)",
        "new\nline",
        "tab\t",
        "grün→",
        "\\",
        "\\\"",
        "*",
        "-u",
        "--",
        "~",
        ";",
        "&&",
        "|",
        "!",
    ];
    let mut command = vec!["/bin/sh", "-c", "printf '[%s]' \"$@\"", "sh"];
    command.extend(arguments);
    let expected = format!("[{}]", arguments.join("]["));
    assert_eq!(exec(&sim, &command).out, expected);
    // Through the shell it is one line, as on Windows: quotes keep blanks together, the rest is the shell's.
    let line = |arguments: &[&str]| run(&sim, &[&["--"], arguments].concat()).out;
    assert_eq!(line(&["printf", "[%s]", "a b", "c"]), "[a b][c]");
    assert_eq!(line(&["printf", "[%s]", ""]), "[]");
    assert_eq!(line(&["echo", "$USER"]), "nixos\n");
    assert_eq!(line(&["echo", "`id", "-u`"]), "1000\n");
    assert_eq!(line(&["echo", "one", ";", "echo", "two", "|", "tr", "o", "0"]), "one\ntw0\n");
    assert_eq!(line(&["echo", "grün→"]), "grün→\n");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn streams_are_carried_byte_for_byte() {
    let Some(sim) = Sim::with_image("streams_are_carried_byte_for_byte") else { return };
    let mut seed = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(10_000_000)
    .collect();
    let file = sim.directory.path().join("input");
    fs::write(&file, &bytes).expect("a file");
    let mut command = sim.command(systemd_exec(&["/bin/sh", "-c", "cat; echo error >&2"]));
    let output = command.stdin(fs::File::open(&file).expect("the file")).output().expect("wsl-sim");
    assert!(output.stdout == bytes, "10 MB from a file: {} bytes came back", output.stdout.len());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error\n");
    let counted = with_input(&mut sim.command(["--", "wc", "-c"]), &bytes);
    assert_eq!(counted.out.trim(), "10000000", "10 MB through a pipe");
    let some = with_input(&mut sim.command(["--", "head", "-c", "5"]), &vec![b'x'; 10_000_000]);
    assert_eq!((some.code, some.out.as_str()), (0, "xxxxx"), "a program that stops reading");
    let none = sim.run(["--", "cat"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""), "no input");
    // A reader that goes away ends the writer, as in any pipeline.
    let mut endless = sim.command(["--", "yes"]).stdout(Stdio::piped()).spawn().expect("wsl-sim");
    drop(endless.stdout.take());
    eventually("`yes` ends without a reader", || endless.try_wait().expect("its state").is_some());
    // What a background process writes does not hold up the command's end.
    assert_eq!(exec(&sim, &["/bin/sh", "-c", "sleep 1000 & echo started"]).out, "started\n");
    // Pipes even so have a controlling terminal behind them (W§6.1).
    assert_eq!(
        exec(&sim, &["/bin/sh", "-c", "test -t 0 || test -t 1 || echo none; : </dev/tty && echo tty"]).out,
        "none\ntty\n"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn directory_and_environment() {
    let Some(sim) = Sim::with_image("directory_and_environment") else { return };
    for (first, rest, directory) in [
        (&[][..], vec!["--", "pwd"], "/mnt/c"),
        (&["~"], systemd_exec(&["/bin/sh", "-c", "pwd"]), "/home/nixos"),
        (&["--cd", "~"], vec!["--", "pwd"], "/home/nixos"),
        (&["--cd", "/tmp"], vec!["--", "pwd"], "/tmp"),
        (&["-u", "root", "--cd", "~/.."], systemd_exec(&["/bin/sh", "-c", "pwd -P"]), "/"),
    ] {
        let arguments = [first, &rest].concat();
        assert_eq!(run(&sim, &arguments).out.trim_end(), directory, "{arguments:?}");
    }
    let mut command =
        sim.command(systemd_exec(&["/bin/sh", "-c", "exec /nix/var/nix/profiles/system/sw/bin/env"]));
    let ended = ended(command.env("WSLENV", "GIVEN/u:ABSENT").env("GIVEN", "a value").env("SECRET", "1"));
    let variable = |name: &str| {
        let prefix = format!("{name}=");
        ended.out.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
    };
    for (name, value) in [
        ("HOME", "/home/nixos"),
        ("USER", "nixos"),
        ("LOGNAME", "nixos"),
        ("NAME", "Test-PC"),
        ("WSL_DISTRO_NAME", "NixOS"),
        ("HOSTTYPE", std::env::consts::ARCH),
        ("TERM", "xterm-256color"),
        ("WSLENV", "GIVEN/u:ABSENT"),
        ("GIVEN", "a value"),
        ("DISPLAY", ":0"),
        ("WAYLAND_DISPLAY", "wayland-0"),
        ("PULSE_SERVER", "unix:/mnt/wslg/PulseServer"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus"),
    ] {
        assert_eq!(variable(name).as_deref(), Some(value), "{name}: {ended:?}");
    }
    for name in ["SECRET", "container", "WSL_SIM_HOME"] {
        assert_eq!(variable(name), None, "{name}");
    }
    // WSL opens its session on a terminal of its own; namespace mode's shells are in theirs.
    assert_eq!(variable("XDG_SESSION_ID").is_some(), namespace(), "{ended:?}");
    let interop = variable("WSL_INTEROP").expect("WSL_INTEROP");
    assert!(interop.starts_with("/run/WSL/") && interop.ends_with("_interop"), "{interop}");
}
