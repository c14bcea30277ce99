//! Shells whose environment is set: they start as ever, whatever variables of our own name come along.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::process::Output;

use crate::support::world::{ACTIVATE, Running, World, stderr, stdout};

const ALICE: &str = "/usr/lib/nixos-wsl/shells/alice/bash";
const BASH: &str = "/nix/store/tools/bin/bash";
/// What programs of ours once obeyed. Anybody can set them, so they mean nothing.
const HOSTILE: [&str; 5] = [
    "NIXOS_WSL_RESUME",
    "NIXOS_WSL_OUTSIDE",
    "NIXOS_WSL_EXEC",
    "NIXOS_WSL_STRICT",
    "__NIXOS_WSL_PRINT_ENVIRONMENT",
];

/// A distribution whose process 1 is called systemd for as long as it runs.
fn world() -> World {
    let world = World::new();
    let systemd = "mkdir -p /run/systemd/system; touch /run/systemd-started; while :; do sleep 1000; done\n";
    world.generation(1, ACTIVATE, systemd);
    world.profile(1);
    world
}

struct Case<'a> {
    program: &'a str,
    name: &'a str,
    arguments: &'a [&'a str],
    variables: Vec<(OsString, OsString)>,
}

/// Starts a program under a name, with exactly these variables.
fn start(running: &Running, case: &Case, hostile: bool) -> Output {
    let mut command = running.command(BASH);
    let script = format!("exec -a \"$0\" {} \"$@\"", case.program);
    command.args(["-c", &script, case.name]).args(case.arguments).envs(case.variables.iter().cloned());
    if hostile {
        command.envs(HOSTILE.map(|name| (name, "outside")));
    }
    let mut output = command.output().unwrap();
    if hostile {
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        for name in HOSTILE {
            let line = format!("{name}=outside\n");
            assert!(text.contains(&line), "{line} is passed on: {text}");
            text = text.replace(&line, "");
        }
        output.stdout = text.into_bytes();
    }
    output
}

fn variables(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    list.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

fn set(more: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    let mut all = variables(&[
        ("__NIXOS_SET_ENVIRONMENT_DONE", "1"),
        ("SHELL", BASH),
        ("HOME", "/home/alice"),
        ("ODD", "a  b\n*"),
    ]);
    all.extend(variables(more));
    all
}

/// What a shell was given: name, arguments, variables, ignored signals.
const SHOW: &str = "printf '<%s>' \"$0\" \"$@\"; echo; shopt -q login_shell && echo login; \
    /nix/store/tools/bin/env | /nix/store/tools/bin/grep -avE '^(_|PWD|SHLVL|OLDPWD)='; exit 7";

#[test]
fn variables_of_ours_change_nothing() {
    needs_world!("variables_of_ours_change_nothing");
    let world = world();
    let running = world.boot();
    let long = "x".repeat(5000);
    let mut many = set(&[]);
    many.extend((0..1500).map(|number| (format!("V{number}").into(), number.to_string().into())));
    let mut bytes = set(&[]);
    bytes.push(("BYTES".into(), OsString::from_vec(b"\xff\xfe=\x01".to_vec())));
    let environments = [
        set(&[]),
        set(&[("PATH", "/a:/b/sw/bin")]),
        set(&[("PATH", "/only/mine")]),
        set(&[("PATH", "")]),
        set(&[("PATH", &long)]),
        set(&[("SHELL", ALICE)]),
        set(&[("SHELL", "")]),
        set(&[("__NIXOS_SET_ENVIRONMENT_DONE", "")]),
        many,
        bytes,
        variables(&[("HOME", "/root")]),
        Vec::new(),
    ];
    for program in [ALICE, "/bin/sh"] {
        for name in [program, "-bash", "sh", "", "/usr/bin/fish"] {
            for variables in &environments {
                let arguments = ["-c", SHOW, "zero", "", "a  b", "$HOME"];
                let case = Case { program, name, arguments: &arguments, variables: variables.clone() };
                let plain = start(&running, &case, false);
                let hostile = start(&running, &case, true);
                assert_eq!(plain.status.code(), Some(7), "{program} as {name:?}: {plain:?}");
                assert_eq!(hostile.status.code(), Some(7), "{program} as {name:?}: {hostile:?}");
                let sorted = |output: &Output| {
                    let mut lines: Vec<String> = stdout(output).lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                };
                assert_eq!(sorted(&plain), sorted(&hostile), "{program} as {name:?}");
                assert_eq!(stderr(&plain), stderr(&hostile), "{program} as {name:?}");
            }
        }
    }
}

#[test]
fn what_is_missing_is_told_as_ever() {
    needs_world!("what_is_missing_is_told_as_ever");
    let world = world();
    let running = world.boot();
    let real = world.path("usr/lib/nixos-wsl/shells/alice/real");
    let long = format!("/{}", "x/".repeat(1900));
    for target in ["/nix/store/gone/bin/fish", "/etc/passwd", "relative", long.as_str()] {
        fs::remove_file(&real).unwrap();
        symlink(target, &real).unwrap();
        let case =
            Case { program: ALICE, name: ALICE, arguments: &["-c", "echo still $0"], variables: set(&[]) };
        let output = start(&running, &case, false);
        assert_eq!(stdout(&output), "still bash\n", "{target}: {output:?}");
        assert!(stderr(&output).contains(target), "{target}: {output:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{target}: {output:?}");
    }
    fs::remove_file(world.path("nix/store/tools/bin/bash")).unwrap();
    let output = running.command("/bin/sh").args(["-c", "echo rescued"]).output().unwrap();
    assert_eq!(stdout(&output), "rescued\n", "{output:?}");
}

/// The notice of another generation is for interactive shells, whatever their environment.
#[test]
fn a_notice_is_shown_whatever_the_environment() {
    needs_world!("a_notice_is_shown_whatever_the_environment");
    let world = world();
    let running = world.boot();
    fs::write(running.path("/run/nixos-wsl/notice"), "the notice\n").unwrap();
    let init = running.init().unwrap();
    let inner = format!(
        "/usr/bin/env -i __NIXOS_SET_ENVIRONMENT_DONE=1 SHELL={BASH} nsenter -t {init} -m -p -r -w -- {ALICE} -i -c exit"
    );
    let mut command = std::process::Command::new("script");
    let output = command.args(["-qec", &inner, "/dev/null"]).stdin(std::process::Stdio::null()).output();
    assert!(stdout(&output.unwrap()).contains("the notice"));
    let case = Case { program: ALICE, name: ALICE, arguments: &["-c", "true"], variables: set(&[]) };
    assert_eq!(stderr(&start(&running, &case, false)), "");
}

/// F16: the login shell that WSL keeps in the background has every signal ignored.
#[test]
fn f16_ignored_signals_do_not_reach_a_shell_whose_environment_is_set() {
    needs_world!("f16_ignored_signals_do_not_reach_a_shell_whose_environment_is_set");
    let world = world();
    let running = world.boot();
    let mut command = running.command(BASH);
    command.envs(set(&[])).env("NAME", OsStr::from_bytes(b"\xff"));
    let script =
        format!("trap '' CHLD PIPE; exec {ALICE} -c '/nix/store/tools/bin/grep SigIgn /proc/self/status'");
    let text = stdout(&command.args(["-c", &script]).output().unwrap());
    let ignored = text.trim().strip_prefix("SigIgn:\t").unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & (1 << 16 | 1 << 12), 0, "{text}");
}
