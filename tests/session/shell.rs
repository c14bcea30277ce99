//! Login shells and their environment (U§3 F11-F17).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::world::{ACTIVATE, SET_ENVIRONMENT, SYSTEMD, World, stderr, stdout};

const ALICE: &str = "/usr/lib/nixos-wsl/shells/alice/bash";
const WSL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/usr/lib/wsl/lib";

/// The environment WSL gives to alice's programs (W§6.3).
fn as_alice<'a>(command: &'a mut Command, path: &str) -> &'a mut Command {
    command.envs([
        ("HOME", "/home/alice"),
        ("USER", "alice"),
        ("LOGNAME", "alice"),
        ("SHELL", ALICE),
        ("TERM", "xterm-256color"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ("PATH", path),
    ])
}

#[test]
fn a_command_has_the_nixos_environment() {
    needs_world!("a_command_has_the_nixos_environment");
    let world = World::with_generations(1);
    let running = world.boot();
    let mut command = running.command(ALICE);
    let path = format!("{WSL_PATH}:/mnt/c/Windows/System32:/mnt/c/x  y");
    let output = as_alice(command.args(["-c", "env; echo \"0=$0\" \"1=$1\"", "na me", "a  *"]), &path)
        .output()
        .unwrap();
    let text = stdout(&output);
    for line in [
        "PATH=/run/wrappers/bin:/home/alice/.nix-profile/bin:/nix/profile/bin:/run/current-system/sw/bin:/sbin:/bin:/mnt/c/Windows/System32:/mnt/c/x  y",
        "WSLPATH=/mnt/c/Windows/System32:/mnt/c/x  y",
        "SHELL=/run/current-system/sw/bin/bash",
        "SSH_AUTH_SOCK=/run/user/1000/ssh-agent",
        "NIX_USER_PROFILE_DIR=/nix/var/nix/profiles/per-user/alice",
        "__NIXOS_SET_ENVIRONMENT_DONE=1",
        "TERM=xterm-256color",
        "0=na me 1=a  *",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nnot in\n{text}");
    }
    assert_eq!(stderr(&output), "");
}

/// `SHELL` has to stay right after a switch, and `/etc/shells` has to know it; it never names another program.
#[test]
fn the_shell_is_named_by_the_active_system_if_it_has_that_one() {
    needs_world!("the_shell_is_named_by_the_active_system_if_it_has_that_one");
    let world = World::with_generations(1);
    let running = world.boot();
    let shell =
        || stdout(&as_alice(running.command(ALICE).args(["-c", "echo $SHELL"]), WSL_PATH).output().unwrap());
    assert_eq!(shell(), "/run/current-system/sw/bin/bash\n");
    let other = "ln -sfn /tmp/system /run/current-system && mkdir -p /tmp/system/sw/bin && echo >/tmp/system/sw/bin/bash";
    assert!(running.run("/nix/store/tools/bin/sh", &["-c", other]).status.success());
    assert_eq!(shell(), "/nix/store/tools/bin/bash\n");
}

#[test]
fn exit_codes_and_odd_arguments_pass() {
    needs_world!("exit_codes_and_odd_arguments_pass");
    let world = World::with_generations(1);
    let running = world.boot();
    for code in [0, 1, 42, 255] {
        assert_eq!(running.run(ALICE, &["-c", &format!("exit {code}")]).status.code(), Some(code));
    }
    let output = running.run(ALICE, &["-c", "printf '[%s]' \"$@\"", "x", "", "a\nb", "$HOME `id`", "\"'\\"]);
    assert_eq!(stdout(&output), "[][a\nb][$HOME `id`][\"'\\]");
}

#[test]
fn the_dash_and_the_name_are_kept() {
    needs_world!("the_dash_and_the_name_are_kept");
    let world = World::with_generations(1);
    let running = world.boot();
    let show = "shopt -q login_shell && echo login; echo $0";
    let script = format!("exec -a -bash {ALICE} -c '{show}'");
    assert_eq!(stdout(&running.run("/nix/store/tools/bin/bash", &["-c", &script])), "login\n-bash\n");
    assert_eq!(stdout(&running.run(ALICE, &["-c", show])), "/nix/store/tools/bin/bash\n");
}

/// A login shell's name in argv[0] is data: it may say anything.
#[test]
fn argv0_decides_nothing() {
    needs_world!("argv0_decides_nothing");
    let world = World::with_generations(1);
    let running = world.boot();
    for name in ["sh", "-sh", "mount", "login", "/bin/sh", ""] {
        let script = format!("exec -a '{name}' {ALICE} -c 'echo $EDITOR'");
        assert_eq!(stdout(&running.run("/nix/store/tools/bin/bash", &["-c", &script])), "nano\n", "{name:?}");
    }
}

#[test]
fn f13_the_environment_is_set_once_and_setting_it_again_changes_nothing() {
    needs_world!("f13_the_environment_is_set_once_and_setting_it_again_changes_nothing");
    let world = World::with_generations(1);
    let running = world.boot();
    let again =
        format!("PATH=$PATH:/opt/mine EDITOR=vi; export PATH EDITOR; exec {ALICE} -c 'echo $PATH $EDITOR'");
    let mut command = running.command(ALICE);
    let text = stdout(&as_alice(command.args(["-c", &again]), "/mnt/c/W").output().unwrap());
    assert!(text.ends_with("/run/current-system/sw/bin:/mnt/c/W:/opt/mine vi\n"), "{text}");

    let unset = format!("unset __NIXOS_SET_ENVIRONMENT_DONE; exec {ALICE} -c 'echo $PATH'");
    let mut command = running.command(ALICE);
    let script = format!("echo $PATH; {unset}");
    let text = stdout(&as_alice(command.args(["-c", &script]), "/mnt/c/W:/opt/x").output().unwrap());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn f13_no_variable_at_all_is_enough() {
    needs_world!("f13_no_variable_at_all_is_enough");
    let world = World::with_generations(1);
    let running = world.boot();
    let output = running.run("/usr/lib/nixos-wsl/shells/root/bash", &["-c", "echo $PATH $HOME $USER $SHELL"]);
    let expected = "/run/wrappers/bin:/root/.nix-profile/bin:/nix/profile/bin:/run/current-system/sw/bin /root root /run/current-system/sw/bin/bash\n";
    assert_eq!(stdout(&output), expected);
}

/// `pam_env` gives what `/etc/set-environment` sets: the script has set it all the same (`su -`, `ssh`).
#[test]
fn f13_the_list_that_pam_has_set_already_stays_in_its_order() {
    needs_world!("f13_the_list_that_pam_has_set_already_stays_in_its_order");
    let world = World::with_generations(1);
    let running = world.boot();
    let list = "/run/wrappers/bin:/home/alice/.nix-profile/bin:/nix/profile/bin:/run/current-system/sw/bin";
    let scripts = [
        SET_ENVIRONMENT.to_owned(),
        // By a real shell.
        format!("{SET_ENVIRONMENT}export A=$(echo sub)\n"),
        // One that sets none: the system's programs come in the same order.
        "export A=b\n".to_owned(),
        "export A=$(echo sub)\n".to_owned(),
        // One that only adds to it.
        "export PATH=\"/run/wrappers/bin:$PATH\"\n".to_owned(),
        "export PATH=\"$(echo /run/wrappers/bin):$PATH\"\n".to_owned(),
    ];
    for script in &scripts {
        world.write("etc/set-environment", script);
        for (more, end) in [("", ""), (":/mnt/c/W", ":/mnt/c/W"), (":/opt/x:/mnt/c/W", ":/opt/x:/mnt/c/W")] {
            let mut command = running.command(ALICE);
            let path = format!("{list}{more}");
            let output = as_alice(command.args(["-c", "echo $PATH"]), &path).output().unwrap();
            let text = stdout(&output);
            let entries: Vec<&str> = text.trim().split(':').collect();
            assert_eq!(entries[0], "/run/wrappers/bin", "{script}: {output:?}");
            assert!(text.ends_with(&format!("{end}\n")), "{script}: {output:?}");
            let places = ["/home/alice/.nix-profile/bin", "/nix/profile/bin", "/run/current-system/sw/bin"]
                .map(|folder| entries.iter().position(|entry| *entry == folder));
            assert!(places.iter().all(Option::is_some), "{script}: {output:?}");
            if script.starts_with("# DO NOT EDIT") {
                assert_eq!(text, format!("{list}{more}\n"), "{script}: {output:?}");
            }
        }
    }
}

#[test]
fn windows_folders_follow_the_settings() {
    needs_world!("windows_folders_follow_the_settings");
    let world = World::with_generations(1);
    let running = world.boot();
    for (settings, expected) in [
        (r#"{"version":1,"automountRoot":"/mnt","windowsPath":"none"}"#, "/opt/x"),
        (
            r#"{"version":1,"automountRoot":"/","windowsPath":"none"}"#,
            "/mnt/c/Windows:/mnt/c/Tools/bin:/opt/x",
        ),
        (r#"{"windowsPath":["*/tools/BIN"]}"#, "/mnt/c/Tools/bin:/opt/x"),
    ] {
        // The store is read-only inside; the host's view of it is not.
        world.write("nix/store/system-1/nixos-wsl/session.json", settings);
        let mut command = running.command(ALICE);
        let output = as_alice(command.args(["-c", "echo $PATH"]), "/mnt/c/Windows:/mnt/c/Tools/bin:/opt/x")
            .output()
            .unwrap();
        assert!(
            stdout(&output).ends_with(&format!("/run/current-system/sw/bin:{expected}\n")),
            "{settings}: {output:?}"
        );
    }
}

/// What a real shell has to run, and what it must not be able to spoil.
#[test]
fn f15_set_environment_beyond_plain_exports_is_left_to_a_shell() {
    needs_world!("f15_set_environment_beyond_plain_exports_is_left_to_a_shell");
    let world = World::with_generations(1);
    let running = world.boot();
    let cases = [
        ("export A=$(echo sub)\nexport PATH=/sw/bin\necho noise\n", "sub /sw/bin: 1"),
        ("for i in 1 2; do export A=$i; done\n", "2"),
        ("export A=before\nunset EDITOR\nf() { :; }\n", "before"),
        ("export A='two  spaces' \"B=$(printf 'x\\ny')\"\n", "two  spaces"),
    ];
    for (script, expected) in cases {
        world.write("etc/set-environment", &format!("export __NIXOS_SET_ENVIRONMENT_DONE=1\n{script}"));
        let output = running.run(ALICE, &["-c", "echo \"$A\" $PATH: $SHLVL"]);
        assert!(stdout(&output).starts_with(expected), "{script}: {output:?}");
    }
}

#[test]
fn f15_a_bad_file_is_a_line_and_the_shell_goes_on() {
    needs_world!("f15_a_bad_file_is_a_line_and_the_shell_goes_on");
    let world = World::with_generations(1);
    let running = world.boot();
    let check = |name: &str, reason: &str| {
        let mut command = running.command(ALICE);
        let output = as_alice(command.args(["-c", "echo shell $PATH"]), "/bin").output().unwrap();
        assert!(
            stdout(&output).starts_with("shell /run/wrappers/bin:/run/current-system/sw/bin:"),
            "{name}: {output:?}"
        );
        let text = stderr(&output);
        assert!(
            text.contains("/etc/set-environment") && text.contains(reason) && text.lines().count() == 1,
            "{name}: {text}"
        );
    };
    let write = |text: &[u8]| fs::write(world.path("etc/set-environment"), text).unwrap();
    write(b"exit 3\n");
    check("exits", "ended the shell");
    write(b"kill -9 $$\n");
    check("dies", "ended the shell");
    write(b"export A=\0\n");
    check("binary", "not a text");
    write(b"while :; do :; done\n");
    check("hangs", "still running after 5 s");
    write(&vec![b'#'; 5 << 20]);
    check("huge", "too large");
    fs::remove_file(world.path("etc/set-environment")).unwrap();
    check("missing", "No such file");
    fs::create_dir(world.path("etc/set-environment")).unwrap();
    check("folder", "directory");
    fs::remove_dir(world.path("etc/set-environment")).unwrap();
    world.write("etc/set-environment", SET_ENVIRONMENT);
    world.write("nix/store/system-1/nixos-wsl/session.json", "{\"windowsPath\":7}");
    let output = running.run(ALICE, &["-c", "echo shell"]);
    assert_eq!(stdout(&output), "shell\n");
    assert!(stderr(&output).contains("nixos-wsl/session.json"), "{output:?}");
}

#[test]
fn f15_bytes_that_are_no_text_stay() {
    needs_world!("f15_bytes_that_are_no_text_stay");
    let world = World::with_generations(1);
    let running = world.boot();
    let mut command = running.command(ALICE);
    command
        .env("ODD", std::ffi::OsStr::from_bytes(b"\xff\xfe\n x"))
        .env("PATH", std::ffi::OsStr::from_bytes(b"/mnt/c/\xff"));
    let output = command.args(["-c", "printf '%s|%s' \"$ODD\" \"$PATH\""]).output().unwrap();
    assert!(output.stdout.starts_with(b"\xff\xfe\n x|/run"), "{output:?}");
    assert!(output.stdout.ends_with(b":/mnt/c/\xff"), "{output:?}");
}

/// The journal, /proc or /run may be missing: none of them is asked.
#[test]
fn f15_no_journal_and_no_run_are_needed() {
    needs_world!("f15_no_journal_and_no_run_are_needed");
    let mut world = World::with_generations(1);
    world.generation(1, ACTIVATE, &format!("/nix/store/tools/bin/umount -l /run 2>/dev/null\n{SYSTEMD}"));
    world.prepare = "mkdir -p $R/host".into();
    let running = world.boot();
    let output = running.run(
        "/nix/store/tools/bin/sh",
        &["-c", &format!("mount -t tmpfs x /run; exec {ALICE} -c 'echo shell'")],
    );
    assert_eq!(stdout(&output), "shell\n");
}

#[test]
fn f16_ignored_signals_do_not_end_the_background_login() {
    needs_world!("f16_ignored_signals_do_not_end_the_background_login");
    let world = World::with_generations(1);
    let running = world.boot();
    let script = format!(
        "trap '' CHLD PIPE INT HUP TERM; exec {ALICE} -c 'grep SigIgn /proc/self/status; (exit 5); echo child $?'"
    );
    let output = running.run("/nix/store/tools/bin/bash", &["-c", &script]);
    let text = stdout(&output);
    assert!(text.contains("child 5"), "{text}");
    let ignored = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    // CHLD is signal 17, PIPE 13.
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & (1 << 16 | 1 << 12), 0, "{text}");

    // The same with a set-environment that needs a child.
    world.write("etc/set-environment", "export A=$(echo by-shell)\n");
    let script = format!("trap '' CHLD; exec {ALICE} -c 'echo $A'");
    assert_eq!(stdout(&running.run("/nix/store/tools/bin/bash", &["-c", &script])), "by-shell\n");
}

#[test]
fn f17_a_removed_shell_is_replaced() {
    needs_world!("f17_a_removed_shell_is_replaced");
    let world = World::with_generations(1);
    let running = world.boot();
    let real = world.path("usr/lib/nixos-wsl/shells/alice/real");
    for (name, target) in
        [("gone", Some("/nix/store/gone/bin/fish")), ("no program", Some("/etc/passwd")), ("no link", None)]
    {
        let _ = fs::remove_file(&real);
        if let Some(target) = target {
            symlink(target, &real).unwrap();
        }
        let output = running.run(ALICE, &["-c", "echo still $0 $EDITOR"]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        // Without the link next to it, the user's entry tells: root's here.
        let shell = if target.is_some() { "bash" } else { "/nix/store/tools/bin/bash" };
        assert_eq!(stdout(&output), format!("still {shell} nano\n"), "{name}");
        if let Some(target) = target {
            assert!(stderr(&output).contains(target), "{name}: {output:?}");
        }
    }
}
