//! Every file that init, the shells and the tool read may be missing, empty, a folder, binary or huge: one line that names
//! it where it matters, and the boot, the shell or the command goes on.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::world::{Running, World, stderr, stdout};

const SHELL: &str = "/usr/lib/nixos-wsl/shells/root/bash";
const KINDS: [&str; 5] = ["missing", "empty", "folder", "binary", "huge"];

/// Puts something else in a file's place; the path is the host's.
fn spoil(path: &Path, kind: &str) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match kind {
        "empty" => fs::write(path, "").unwrap(),
        "folder" => fs::create_dir(path).unwrap(),
        "binary" => fs::write(path, b"\0\xff\xfe\x01\n\0").unwrap(),
        "huge" => fs::File::create(path).unwrap().set_len(8 << 30).unwrap(),
        _ => {}
    }
}

/// The lines of a text that name a file.
fn naming<'a>(text: &'a str, file: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(file)).collect()
}

/// Files of the boot, and in which of their kinds they are worth a line.
#[test]
fn the_boot_goes_on() {
    needs_world!("the_boot_goes_on");
    let system = "/nix/store/system-2";
    let unusable = &["empty", "folder", "binary", "huge"][..];
    for (file, told) in [
        ("/var/lib/nixos-wsl/boot.json", unusable),
        (&format!("{system}/nixos-wsl/session.json"), unusable),
        ("/etc/passwd", &[]),
        ("/etc/set-environment", &[]),
        ("/etc/os-release", &[]),
        ("/var/log/nixos-wsl-boot.log", &[]),
        ("/var/log/nixos-wsl-boot.log.old", &[]),
        (&format!("{system}/nixos-version"), &[]),
    ] {
        for kind in KINDS {
            let world = World::with_generations(2);
            spoil(&world.path(file), kind);
            let running = world.boot();
            assert_eq!(running.generation(), 2, "{file} {kind}");
            let kmsg = running.kmsg();
            let expected = usize::from(told.contains(&kind));
            assert_eq!(naming(&kmsg, file).len(), expected, "{file} {kind}: {kmsg}");
            assert!(!running.path("/run/nixos-wsl/notice").exists(), "{file} {kind}");
        }
    }
}

/// Files that name programs: the generation before boots, and the reason is told.
#[test]
fn a_generation_with_bad_programs_gives_way() {
    needs_world!("a_generation_with_bad_programs_gives_way");
    for file in ["activate", "systemd/lib/systemd/systemd"] {
        for kind in KINDS {
            let world = World::with_generations(2);
            let path = world.path(format!("nix/store/system-2/{file}"));
            spoil(&path, kind);
            if path.is_file() {
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            }
            let running = world.boot();
            assert_eq!(running.generation(), 1, "{file} {kind}");
            let notice = running.read("/run/nixos-wsl/notice");
            assert_eq!(naming(&notice, "generation 2: ").len(), 1, "{file} {kind}: {notice}");
            assert_eq!(naming(&notice, &format!("system-2/{file}")).len(), 1, "{file} {kind}: {notice}");
        }
    }
}

/// On a terminal, because the notice is for those.
fn interactive(running: &Running) -> String {
    let init = running.init().unwrap();
    let inner = format!("/usr/bin/env -i nsenter -t {init} -m -p -r -w -- {SHELL} -i -c 'echo a shell'");
    let mut command = Command::new("script");
    stdout(&command.args(["-qec", &inner, "/dev/null"]).stdin(std::process::Stdio::null()).output().unwrap())
}

#[test]
fn the_shell_goes_on() {
    needs_world!("the_shell_goes_on");
    let world = World::with_generations(1);
    let running = world.boot();
    let unusable = &["empty", "folder", "binary", "huge"][..];
    for (file, told, inside) in [
        ("/nix/store/system-1/nixos-wsl/session.json", unusable, false),
        // Without HOME the user's entry is asked for it.
        ("/etc/passwd", &KINDS[..], false),
        // An empty one is a script that does nothing.
        ("/etc/set-environment", &["missing", "folder", "binary", "huge"], false),
        ("/etc/os-release", &[], false),
        ("/etc/nixos-wsl/version.json", &[], false),
        ("/run/nixos-wsl/notice", &["folder", "huge"], true),
        ("/run/nixos-wsl/activating", &[], true),
        ("/run/nixos-wsl/state", &[], true),
        ("/run/booted-system", &[], true),
    ] {
        let path = if inside { running.path(file) } else { world.path(file) };
        let before = fs::read(&path).ok();
        for kind in KINDS {
            spoil(&path, kind);
            let text = interactive(&running);
            assert!(text.contains("a shell"), "{file} {kind}: {text}");
            let expected = usize::from(told.contains(&kind));
            // The shell knows the system by its link in /run.
            let name = file.strip_prefix("/nix/store/system-1").unwrap_or(file);
            assert_eq!(naming(&text, name).len(), expected, "{file} {kind}: {text}");
            let output = running.run("/bin/sh", &["-c", "echo sh"]);
            assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("sh\n", ""), "{file} {kind}");
        }
        spoil(&path, "missing");
        if let Some(before) = before {
            fs::write(&path, before).unwrap();
        }
    }
}

/// The link to the real shell, and the file that it leads to.
#[test]
fn a_bad_real_shell_is_replaced() {
    needs_world!("a_bad_real_shell_is_replaced");
    let world = World::with_generations(1);
    let running = world.boot();
    let real = world.path("usr/lib/nixos-wsl/shells/root/real");
    for kind in KINDS {
        spoil(&real, kind);
        let output = running.run(SHELL, &["-c", "echo a shell"]);
        assert_eq!(stdout(&output), "a shell\n", "{kind}: {output:?}");
        let lines = stderr(&output);
        assert_eq!(naming(&lines, "/usr/lib/nixos-wsl/shells/root/real").len(), 1, "{kind}: {lines}");
    }
    spoil(&real, "missing");
    std::os::unix::fs::symlink("/opt/shell", &real).unwrap();
    for kind in KINDS {
        let shell = world.path("opt/shell");
        spoil(&shell, kind);
        if shell.is_file() {
            fs::set_permissions(&shell, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let output = running.run(SHELL, &["-c", "echo a shell"]);
        assert_eq!(stdout(&output), "a shell\n", "{kind}: {output:?}");
        assert_eq!(naming(&stderr(&output), "/opt/shell").len(), 1, "{kind}: {output:?}");
    }
}

#[test]
fn the_tool_goes_on() {
    needs_world!("the_tool_goes_on");
    let world = World::with_generations(2);
    let running = world.boot();
    let unusable = &["folder", "binary", "huge"][..];
    for (file, command, told, shows) in [
        (
            "/var/lib/nixos-wsl/boot.json",
            "generations",
            &["empty", "folder", "binary", "huge"][..],
            "25.11.2",
        ),
        ("/nix/store/system-2/nixos-version", "generations", unusable, "25.11.1"),
        ("/nix/store/system-2/nixos-version", "version", unusable, "nixos-wsl "),
        ("/etc/nixos-wsl/version.json", "version", &["empty", "folder", "binary", "huge"], "NixOS 25.11.2"),
    ] {
        let path = world.path(file);
        let before = fs::read(&path).ok();
        for kind in KINDS {
            spoil(&path, kind);
            let output = running.run("/bin/nixos-wsl", &[command]);
            assert!(output.status.success(), "{file} {kind}: {output:?}");
            assert!(stdout(&output).contains(shows), "{file} {kind}: {output:?}");
            let lines = stderr(&output);
            // `version` knows the system by another path.
            let name = if command == "version" {
                Path::new(file).file_name().unwrap().to_str().unwrap()
            } else {
                file
            };
            assert_eq!(
                naming(&lines, name).len(),
                usize::from(told.contains(&kind)),
                "{file} {kind}: {lines}"
            );
        }
        spoil(&path, "missing");
        if let Some(before) = before {
            fs::write(&path, before).unwrap();
        }
    }
    let log = world.path("var/log/nixos-wsl-boot.log");
    for kind in ["missing", "folder"] {
        spoil(&log, kind);
        let output = running.run("/bin/nixos-wsl", &["logs"]);
        assert_eq!(naming(&stderr(&output), "/var/log/nixos-wsl-boot.log").len(), 1, "{kind}: {output:?}");
        // Namespace mode alone has it: here nothing is missing.
        assert_eq!(naming(&stderr(&output), "/run/nixos-wsl/console").len(), 0, "{kind}: {output:?}");
    }
    for kind in KINDS {
        let plan = world.path("etc/root.json");
        spoil(&plan, kind);
        let output = running.run("/bin/nixos-wsl", &["apply", "/etc/root.json"]);
        assert!(!output.status.success(), "{kind}: {output:?}");
        assert_eq!(naming(&stderr(&output), "/etc/root.json").len(), 1, "{kind}: {output:?}");
        assert!(world.path("bin/sh").is_file(), "{kind}");
    }
}
