//! `/bin/sh` and the other programs of the root that come from a generation.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::process::Stdio;

use crate::support::world::{SYSTEMD, World, stderr, stdout};

const ALICE: &str = "/usr/lib/nixos-wsl/shells/alice/bash";

#[test]
fn without_any_shell_there_is_a_small_one() {
    needs_world!("without_any_shell_there_is_a_small_one");
    let world = World::with_generations(1);
    let running = world.boot();
    fs::remove_file(world.path("nix/store/tools/bin/bash")).unwrap();
    for program in [ALICE, "/bin/sh"] {
        let output =
            running.run(program, &["-c", "echo rescued\ngenerations\n/nix/store/tools/bin/ls /nope\n"]);
        assert!(stdout(&output).starts_with("rescued\ngeneration 1  25.11.1"), "{output:?}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(running.run(program, &["-c", "true"]).status.code(), Some(0));
        // What it has to say on the way is worth less than the shell.
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = running.command(program).args(["-c", "echo rescued"]).stderr(full).output().unwrap();
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(0), "rescued\n"),
            "{program}: {output:?}"
        );
    }
}

#[test]
fn sh_works_without_path_run_and_activation() {
    needs_world!("sh_works_without_path_run_and_activation");
    let world = World::with_generations(2);
    world.generation(2, "exit 1", SYSTEMD);
    world.generation(1, "exit 1", SYSTEMD);
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    // As WSL's popen does it.
    let output = running.run(
        "/bin/sh",
        &["-c", "echo running | grep -E 'running|degraded' && mkdir /tmp/made && ln -s a /tmp/made/b"],
    );
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "running\n"), "{output:?}");
    // The newest generation is gone: the older one's programs do.
    fs::remove_dir_all(world.path("nix/store/system-2")).unwrap();
    let output = running.run("/bin/sh", &["-c", "echo $0 $PATH; true | cat"]);
    assert_eq!(
        stdout(&output),
        "/bin/sh /run/wrappers/bin:/nix/store/system-1/sw/bin:/nix/store/system-1/systemd/bin:/bin\n",
        "{output:?}"
    );
}

#[test]
fn sh_keeps_the_callers_path_first_and_is_posix() {
    needs_world!("sh_keeps_the_callers_path_first_and_is_posix");
    let world = World::with_generations(1);
    let running = world.boot();
    let path_of = |path: &str| {
        let mut command = running.command("/bin/sh");
        stdout(
            &command
                .env("PATH", path)
                .args(["-c", "echo $PATH; shopt -oq posix && echo posix"])
                .output()
                .unwrap(),
        )
    };
    let own = "/run/wrappers/bin:/run/current-system/sw/bin:/run/current-system/systemd/bin:/bin";
    assert_eq!(path_of("/usr/lib/systemd"), format!("/usr/lib/systemd:{own}\nposix\n"));
    // What WSL gives to every program, and Windows' folders, come last.
    let wsl = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/wsl/lib:/mnt/c/Windows";
    assert_eq!(path_of(wsl), format!("{own}:{wsl}\nposix\n"));
    assert_eq!(path_of(&format!("/opt/x:{wsl}")), format!("/opt/x:{own}:{wsl}\nposix\n"));
    assert_eq!(path_of("/a:/run/current-system/sw/bin:/b"), "/a:/run/current-system/sw/bin:/b\nposix\n");
}

/// A `#!/bin/sh` script gives the kernel another name for the program that runs: its own.
#[test]
fn sh_runs_scripts() {
    needs_world!("sh_runs_scripts");
    let world = World::with_generations(1);
    let running = world.boot();
    for name in ["script", "login", "usr/lib/nixos-wsl/shells/alice/x"] {
        world.write(name, "#!/bin/sh\necho $0 $1\n");
        let program = format!("/{name}");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(world.path(name), mode).unwrap();
        assert_eq!(stdout(&running.run(&program, &["one"])), format!("{program} one\n"));
    }
}

#[test]
fn login_and_mount_come_from_a_generation() {
    needs_world!("login_and_mount_come_from_a_generation");
    let world = World::with_generations(1);
    world.script("nix/store/tools/bin/login", "echo login \"$@\"\n");
    world.generation(1, "exit 1", SYSTEMD);
    let mut running = world.start();
    running.wait_for("/run/nixos-wsl/notice");
    assert_eq!(stdout(&running.run("/bin/login", &["-f", "alice"])), "login -f alice\n");
    let output = running.run("/bin/mount", &["-t", "tmpfs", "x", "/mnt"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::remove_file(world.path("nix/store/tools/bin/login")).unwrap();
    let output = running.run("/bin/login", &[]);
    assert_eq!(output.status.code(), Some(127));
    assert!(stderr(&output).contains("no generation has login"), "{output:?}");
}

/// What a stand-in for systemctl does: it writes down how it was called, and says what the test has put into a file.
const SYSTEMCTL: &str = "echo \"$@\" >>/tmp/calls\n\
    case $* in\n\
    *--wait) touch /tmp/waits; until [ -e /tmp/up ]; do :; done ;;\n\
    *) cat /tmp/state; grep -Eq '^(running|active)' /tmp/state ;;\n\
    esac\n";

#[test]
fn wsls_question_is_answered_when_systemd_is_up() {
    needs_world!("wsls_question_is_answered_when_systemd_is_up");
    let world = World::with_generations(1);
    world.script("nix/store/tools/bin/systemctl", SYSTEMCTL);
    let mut running = world.boot();
    running.shell("mkdir -p /run/systemd; : >/run/systemd/private; echo starting >/tmp/state");
    let question = "systemctl is-system-running | grep -E \"running|degraded\"";
    let mut asked = running.command("/bin/sh");
    let asked = asked.args(["-c", question]).stdout(Stdio::piped()).spawn().unwrap();
    running.wait_for("/tmp/waits");
    running.shell("echo running >/tmp/state; : >/tmp/up");
    let output = asked.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "running\n"));
    assert_eq!(running.read("/tmp/calls"), "is-system-running --wait\nis-system-running\n");
    // One that does not come up is answered all the same, and nothing goes on waiting.
    running.shell("rm /tmp/waits /tmp/up; echo starting >/tmp/state");
    let output = running.run("/bin/sh", &["-c", question]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    // Where nobody listens there is nothing to wait with, and other words are no question.
    running.shell("rm /tmp/calls /run/systemd/private");
    running.run("/bin/sh", &["-c", question]);
    running.run("/bin/sh", &["-c", "systemctl is-system-running"]);
    assert_eq!(running.read("/tmp/calls"), "is-system-running\nis-system-running\n");
}

#[test]
fn wsls_question_for_a_user_is_answered_when_the_manager_is_up() {
    needs_world!("wsls_question_for_a_user_is_answered_when_the_manager_is_up");
    let world = World::with_generations(1);
    // Up at the third question.
    world.script(
        "nix/store/tools/bin/systemctl",
        "echo \"$@\" >>/tmp/calls\n\
         case $(cat /tmp/calls) in\n\
         *.service*.service*.service) echo active ;;\n\
         *) echo activating; exit 3 ;;\n\
         esac\n",
    );
    let running = world.boot();
    running.shell("mkdir -p /run/user/1000/systemd; : >/run/user/1000/systemd/private");
    let output = running.run("/bin/sh", &["-c", "systemctl is-active user@1000.service"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "active\n"));
    assert_eq!(running.read("/tmp/calls"), "is-active user@1000.service\n".repeat(4));
}
