//! Namespace mode on the simulator: WSL starts no systemd, the first shell does (`wsl.systemd.mode`).
#![cfg(feature = "sim")]

use crate::support::sim;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::support::sim::shells::{HELPER, NAME, eventually, imported, ok, outside, shell, systemd};
use crate::support::sim::{Sim, bundled, ended, exists};
use crate::support::terminal::Terminal;

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_shell_is_beside_systemd_with_a_session() {
    let Some(sim) = imported("a_shell_is_beside_systemd_with_a_session") else { return };
    assert_eq!(
        ok(&sim, "systemctl is-system-running; systemctl --user is-system-running"),
        "running\nrunning"
    );
    assert_eq!(sim.hidden(NAME), "", "WSL hides nothing of this start");
    assert_eq!(
        ok(&sim, "cat /proc/1/comm; id -un; echo $XDG_RUNTIME_DIR; test -S $XDG_RUNTIME_DIR/bus && echo bus"),
        "systemd\nnixos\n/run/user/1000\nbus"
    );
    assert!(
        ok(&sim, "cat /proc/self/cgroup").contains("0::/user.slice/user-1000.slice/session-"),
        "logind's own"
    );
    assert_eq!(
        ok(&sim, "systemctl --failed --no-legend; nixos-wsl status"),
        "systemd: running, and this shell is beside it"
    );
    assert_eq!(sim.run(["-d", NAME, "-u", "root", "--", "id", "-u"]).out, "0\n");
    // A shell inside is the plain shell, also where no variable is left to tell.
    for line in [
        "sudo -i id -u",
        "sudo -u nixos -i id -u",
        "sudo su - nixos -c 'id -u'",
        "sudo su -c 'id -u'",
        "env -i $(grep ^nixos /etc/passwd | cut -d: -f7) -c 'id -u'",
        "setsid -w $(grep ^nixos /etc/passwd | cut -d: -f7) -lc 'id -u'",
    ] {
        let user = ok(&sim, line);
        assert!(["0", "1000"].contains(&user.as_str()), "{line}: {user}");
    }
    assert_eq!(
        ok(&sim, "sudo -i sh -c 'cat /proc/1/comm; ls /run/nixos-wsl/state'"),
        "systemd\n/run/nixos-wsl/state"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn arguments_environment_directory_and_exit_code_go_through() {
    let Some(sim) = imported("arguments_environment_directory_and_exit_code_go_through") else { return };
    assert_eq!(shell(&sim, "exit 42").code, 42);
    assert_eq!(sim.run(["-d", NAME, "--", "false"]).code, 1);
    // wsl.exe gives one line to the shell, whatever is in it.
    // wsl.exe leaves `$` to the user's shell, as it does without a namespace.
    assert_eq!(ok(&sim, "printf '%s|' 'a b' '$HOME' '\"' é"), "a b|/home/nixos|\"|é|");
    let text = sim.ok(["-d", NAME, "--cd", "/usr/lib", "--", "pwd"]);
    assert_eq!(text, "/usr/lib");
    let mut command = sim.command([
        "-d",
        NAME,
        "--",
        "bash",
        "-c",
        "echo $PROBE; echo $WSL_DISTRO_NAME; echo $LD_LIBRARY_PATH",
    ]);
    let text = ended(
        command.env("WSLENV", "PROBE:LD_LIBRARY_PATH").env("PROBE", "a b").env("LD_LIBRARY_PATH", "/nowhere"),
    );
    assert_eq!(text.out, "a b\nNixOS\n/nowhere\n", "{text:?}");
    let bytes = sim::with_input(&mut sim.command(["-d", NAME, "--", "cat"]), &[0, 255, 10, 13, 0]);
    assert_eq!(bytes.out.len(), String::from_utf8_lossy(&[0, 255, 10, 13, 0]).len(), "{bytes:?}");
    assert_eq!(ok(&sim, "umask; ulimit -n"), ok(&sim, "umask; ulimit -n"));
    let login = sim.run([
        "-d",
        NAME,
        "--shell-type",
        "login",
        "--",
        "shopt",
        "-q",
        "login_shell",
        "&&",
        "echo",
        "login",
    ]);
    assert!(login.out.is_empty() || login.out == "login\n", "{login:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn six_first_shells_start_one_systemd() {
    let Some(sim) = imported("six_first_shells_start_one_systemd") else { return };
    let shells: Vec<_> = (0..6)
        .map(|_| {
            let mut command = sim.command([
                "-d",
                NAME,
                "--",
                "bash",
                "-c",
                "systemctl is-system-running; stat -Lc %i /proc/self/ns/pid",
            ]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wsl-sim")
        })
        .collect();
    let outputs: Vec<_> = shells
        .into_iter()
        .map(|shell| {
            let output = shell.wait_with_output().expect("an end");
            assert!(output.status.success(), "{output:?}");
            assert!(output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).expect("text")
        })
        .collect();
    assert!(outputs[0].starts_with("running\n"), "{outputs:?}");
    assert!(outputs.iter().all(|output| *output == outputs[0]), "{outputs:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_systemd_that_died_is_started_again_and_a_stopped_one_leaves_nothing() {
    let Some(sim) = imported("a_systemd_that_died_is_started_again_and_a_stopped_one_leaves_nothing") else {
        return;
    };
    ok(&sim, "true");
    let first = systemd(&sim);
    let mut shell_inside =
        sim.command(["-d", NAME, "--", "sleep", "98765"]).stdout(Stdio::null()).spawn().expect("wsl-sim");
    // Exactly these words: those who bring it inside have them in longer lines of their own.
    eventually("the shell's program runs", || {
        outside(&sim, "ps -eo args").lines().any(|line| line.trim() == "sleep 98765")
    });
    outside(&sim, &format!("kill -9 {first}"));
    assert_ne!(sim::code(shell_inside.wait().expect("its end")), 0, "a shell does not outlive its systemd");
    assert_eq!(ok(&sim, "systemctl is-system-running"), "running");
    let second = systemd(&sim);
    assert_ne!(first, second);
    assert_eq!(
        outside(&sim, "nixos-wsl status"),
        format!("systemd: running as process {second}; this shell is outside")
    );
    assert_eq!(outside(&sim, "nixos-wsl stop"), "systemd has stopped.");
    assert_eq!(outside(&sim, "nixos-wsl stop"), "systemd was not running.");
    assert_eq!(
        outside(
            &sim,
            "(find /sys/fs/cgroup -name 'nixos-wsl-*'; ls -d /run/nixos-wsl/{state,cgroups,notify}) 2>/dev/null | wc -l"
        ),
        "0"
    );
    assert_eq!(
        outside(&sim, "ls /proc | grep -c '^[0-9]*$' >/dev/null; ps -eo comm | grep -c systemd || true"),
        "0"
    );
    assert!(outside(&sim, "nixos-wsl status").contains("stopped"));
    assert_eq!(outside(&sim, "nixos-wsl exec -u nixos systemctl is-system-running"), "running");
    assert_eq!(outside(&sim, "nixos-wsl exec id -u; nixos-wsl exec -u nixos id -u"), "0\n1000");
    assert!(outside(&sim, "nixos-wsl logs").contains("activating /nix/store/"));
    // A state that names another process is not believed.
    outside(
        &sim,
        "nixos-wsl stop; sleep 1000 & printf '{\"version\":1,\"pid\":%s,\"starttime\":1,\"pidns\":1,\"mntns\":1,\"origin\":1,\"cgroup\":\"/x\",\"ready\":true}' $! >/run/nixos-wsl/state",
    );
    assert_eq!(ok(&sim, "systemctl is-system-running"), "running");
    sim.ok(["--terminate", NAME]);
}

/// Whose process id means nothing inside. A login manager that aborts on it takes 25 s to be missed, and comes back only
/// some times in a row.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn programs_outside_do_not_reach_the_bus_inside() {
    let Some(sim) = imported("programs_outside_do_not_reach_the_bus_inside") else { return };
    let manager = "systemctl show -P MainPID -P NRestarts systemd-logind";
    let before = ok(&sim, manager);
    assert!(before.ends_with("\n0"), "{before}");
    for line in ["runuser -l nixos -c true", "su - nixos -c true", "sudo -u nixos -i true"] {
        outside(&sim, &format!("for _ in 1 2 3; do /run/current-system/sw/bin/{line}; done; true"));
    }
    assert_eq!(outside(&sim, "ls -A /run/dbus"), "");
    assert_eq!(ok(&sim, manager), before);
    assert_eq!(ok(&sim, "busctl --system status >/dev/null && echo there"), "there");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_systemd_that_dies_while_a_shell_enters_is_not_kept_by_that_shell() {
    let test = "a_systemd_that_dies_while_a_shell_enters_is_not_kept_by_that_shell";
    let Some(sim) = imported(test) else { return };
    ok(&sim, "true");
    let first = systemd(&sim);
    // A login manager that does not answer keeps the session from being opened.
    outside(&sim, "kill -STOP $(pgrep -x systemd-logind)");
    let line = "echo here $(ps -p 1 -o comm=) $(readlink /proc/self/ns/pid); read word; exit $word";
    let mut command = sim.command(["-d", NAME, "--"].into_iter().chain(line.split(' ')));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().expect("wsl-sim");
    eventually("a session is being opened", || outside(&sim, "ps -eo comm").contains("runuser"));
    let namespace = outside(&sim, &format!("readlink /proc/{first}/ns/pid"));
    outside(&sim, &format!("kill -9 {first}"));
    let mut line = String::new();
    BufReader::new(client.stdout.take().expect("a pipe")).read_line(&mut line).expect("its output");
    // Beside the next systemd, in a namespace that is not the dead one's.
    let own = line.trim_end().strip_prefix("here systemd ").unwrap_or_else(|| panic!("{line}"));
    assert_ne!(own, namespace.trim_end());
    assert_ne!(systemd(&sim), first);
    assert_eq!(own, outside(&sim, &format!("readlink /proc/{}/ns/pid", systemd(&sim))).trim_end());
    // While that shell is still there.
    eventually("nothing is left of the first systemd", || {
        let namespaces = "for process in /proc/[0-9]*; do readlink $process/ns/pid; done; true";
        !outside(&sim, namespaces).contains(namespace.trim_end())
            && outside(&sim, "ps -eo comm | grep -cx runuser").trim_end() == "1"
    });
    assert_eq!(ok(&sim, "systemctl is-system-running"), "running");
    client.stdin.take().expect("a pipe").write_all(b"5\n").expect("it reads");
    let output = client.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn degraded_is_ready_and_a_deadline_lets_the_user_in() {
    let Some(sim) = imported("degraded_is_ready_and_a_deadline_lets_the_user_in") else { return };
    let unit = |name: &str, program: &str| {
        let folder = "/run/systemd/system";
        outside(
            &sim,
            &format!(
                "rm -rf {folder}; mkdir -p {folder}/multi-user.target.wants; printf '[Service]\\nType=oneshot\\nExecStart=/run/current-system/sw/bin/{program}\\n' >{folder}/{name}.service; ln -s ../{name}.service {folder}/multi-user.target.wants/"
            ),
        );
    };
    unit("fails", "false");
    let state = shell(&sim, "systemctl is-system-running");
    assert_eq!((state.out.as_str(), state.err.as_str()), ("degraded\n", ""));
    outside(&sim, "nixos-wsl stop");
    unit("hangs", "sleep 100000");
    let system =
        std::fs::read_link(sim.inside(NAME, "nix/var/nix/profiles/system-1-link")).expect("the profile");
    let settings = sim.inside(NAME, system.join("nixos-wsl/session.json").to_str().expect("a readable path"));
    std::fs::remove_file(&settings).expect("the settings");
    std::fs::write(&settings, "{\"systemdMode\":\"namespace\",\"systemdTimeout\":3}").expect("settings");
    let state = shell(&sim, "cat /proc/1/comm; id -un; systemctl is-system-running");
    assert_eq!(state.out, "systemd\nnixos\nstarting\n", "{state:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_program_is_stopped_and_continued_with_who_waits_for_it() {
    let Some(sim) = imported("a_program_is_stopped_and_continued_with_who_waits_for_it") else { return };
    let mut terminal =
        Terminal::open(&sim, &["-d", NAME, "-u", "root", "-e", "/bin/bash", "--norc", "-i"], 111);
    terminal.expect("# ");
    terminal.type_in("PATH=/nix/var/nix/profiles/system/sw/bin:/bin; PS1='ready> '\n");
    terminal.expect("\nready> ");
    // The shell outside has job control of its own, and the session inside is one of its jobs.
    terminal.type_in("nixos-wsl exec sh -c 'echo in''side; sleep 1; read word; echo got $word; exit 3'\n");
    terminal.expect("inside\r\n");
    terminal.type_in("\x1a");
    terminal.expect("Stopped");
    terminal.expect("ready> ");
    terminal.type_in("echo out''side; fg\n");
    terminal.expect("outside\r\n");
    terminal.type_in("text\n");
    terminal.expect("got text\r\n");
    terminal.expect("ready> ");
    terminal.type_in("echo code $?\n");
    terminal.expect("code 3\r\n");
    terminal.type_in("nixos-wsl exec sh -c 'echo in''side; sleep 1000'\n");
    terminal.expect("inside\r\n");
    terminal.type_in("\x03");
    terminal.expect("ready> ");
    terminal.type_in("echo code $?; exit\n");
    terminal.expect("code 130\r\n");
    terminal.end();
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn mounts_come_in_and_none_goes_out() {
    let Some(sim) = imported("mounts_come_in_and_none_goes_out") else { return };
    let before = outside(&sim, "cut -d' ' -f5 /proc/self/mountinfo | sort");
    ok(&sim, "true");
    assert_eq!(
        outside(&sim, "cut -d' ' -f5 /proc/self/mountinfo | sort"),
        before,
        "the mounts outside stay as they are"
    );
    outside(&sim, "mkdir -p /mnt/later; mount -t tmpfs later /mnt/later; echo here >/mnt/later/file");
    assert_eq!(ok(&sim, "cat /mnt/later/file"), "here");
    ok(&sim, "sudo mkdir -p /srv/x; sudo mount -t tmpfs x /srv/x");
    assert!(!outside(&sim, "cat /proc/self/mountinfo").contains("/srv/x"));
    assert_eq!(ok(&sim, "hostname"), outside(&sim, "hostname"), "one host name");
    let same = "stat -Lc %i /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/net /proc/self/ns/user";
    assert_eq!(ok(&sim, same), outside(&sim, same), "no further namespaces");
    assert_eq!(ok(&sim, "touch /nix/store/x 2>/dev/null || echo read-only"), "read-only");
    assert_eq!(
        ok(&sim, "cat /proc/sys/fs/binfmt_misc/status; head -1 /proc/sys/fs/binfmt_misc/WSLInterop"),
        "enabled\nenabled"
    );
    // systemd unmounts what it can when it stops; for those outside nothing changes, /mnt/wsl of all distributions included.
    outside(&sim, "nixos-wsl stop; umount /mnt/later");
    assert_eq!(outside(&sim, "cut -d' ' -f5 /proc/self/mountinfo | sort"), before);
    assert!(before.contains("/mnt/wsl"));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_shell_comes_although_systemd_does_not() {
    let Some(sim) = Sim::for_starts("a_shell_comes_although_systemd_does_not") else { return };
    assert_eq!(sim.import(NAME, &bundled("namespace-broken-image.tar.gz")).code, 0);
    let ended = shell(&sim, "id -un; exit 5");
    assert_eq!((ended.code, ended.out.as_str()), (5, "nixos\n"), "{ended:?}");
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines.len(), 1, "one line says why: {ended:?}");
    assert!(
        lines[0].contains("systemd ended before it was ready") && lines[0].contains("outside"),
        "{ended:?}"
    );
    // What was to be beside systemd does not run elsewhere, and says so with its exit code.
    for line in ["enter -u nixos", "exec -u nixos touch /tmp/ran"] {
        let text = outside(
            &sim,
            &format!("nixos-wsl {line} </dev/null 2>&1; echo code $?; ls /tmp/ran 2>&1 || true"),
        );
        assert!(text.starts_with("nixos-wsl: systemd ended before it was ready"), "{line}: {text}");
        assert!(text.contains("\ncode 1\n") && text.contains("No such file"), "{line}: {text}");
    }
    // A shell that a program of the shell's starts does not try, and wait, again; the next one of WSL's does.
    let wrapper = "$(grep ^nixos: /etc/passwd | cut -d: -f7)";
    let nested =
        shell(&sim, &format!("{wrapper} -c 'id -un; echo $0 $SHELL'; setsid -w {wrapper} -c 'exit 6'"));
    assert_eq!((nested.code, nested.err.lines().count()), (6, 1), "{nested:?}");
    assert!(nested.out.starts_with("nixos\n/nix/store/"), "{nested:?}");
    assert_eq!(shell(&sim, "true").err.lines().count(), 1);
    // Without its rights the program says so, and the shell comes as well.
    outside(&sim, &format!("chmod u-s {HELPER}"));
    let ended = shell(&sim, "id -un");
    assert_eq!(ended.out, "nixos\n");
    assert!(ended.err.contains("setuid"), "{ended:?}");
    outside(&sim, &format!("rm {HELPER}"));
    let ended = shell(&sim, "id -un");
    assert_eq!(ended.out, "nixos\n");
    assert!(ended.err.contains("No such file"), "{ended:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_waiter_that_is_killed_takes_its_shell_along() {
    let Some(sim) = imported("a_waiter_that_is_killed_takes_its_shell_along") else { return };
    ok(&sim, "true");
    for (signal, marker) in [("KILL", "98761"), ("TERM", "98762"), ("HUP", "98763")] {
        let mut client =
            sim.command(["-d", NAME, "--", "sleep", marker]).stderr(Stdio::null()).spawn().expect("wsl-sim");
        let sleeps = || {
            sim.processes(NAME)
                .into_iter()
                .filter(|pid| {
                    std::fs::read(format!("/proc/{pid}/cmdline"))
                        .is_ok_and(|line| line == format!("sleep\0{marker}\0").as_bytes())
                })
                .collect::<Vec<_>>()
        };
        eventually("the shell's program runs", || !sleeps().is_empty());
        let pids = sleeps();
        outside(
            &sim,
            &format!(
                "for p in $(ps -eo pid,args | grep 'sleep {marker}' | grep -v -e grep -e runuser | head -1 | sed 's/^ *//; s/ .*//'); do kill -{signal} $p; done"
            ),
        );
        assert_ne!(sim::code(client.wait().expect("its end")), 0, "{signal}");
        eventually(&format!("{signal}: the shell ends"), || !pids.iter().any(|&pid| exists(pid)));
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn two_hundred_shells_leave_nothing_behind() {
    let Some(sim) = imported("two_hundred_shells_leave_nothing_behind") else { return };
    let count = || -> Vec<u64> {
        let numbers = outside(
            &sim,
            "ls /proc | grep -c '^[0-9]'; cat /proc/self/mountinfo | wc -l; find /sys/fs/cgroup -name 'session-*' | wc -l; find /run/nixos-wsl | wc -l",
        );
        numbers.lines().map(|number| number.trim().parse().expect("a number")).collect()
    };
    for _ in 0..3 {
        ok(&sim, "true");
    }
    let before = count();
    for number in 0..200 {
        assert_eq!(shell(&sim, &format!("exit {}", number % 50)).code, number % 50);
    }
    eventually("no more processes, mounts, sessions and files than after three shells", || {
        count().iter().zip(&before).all(|(after, before)| after <= before)
    });
}
