//! The stand-in's image, started as WSL starts it: sessions, restarts, two at once, first run, default user (W§4-7).
#![cfg(feature = "sim")]

mod sim;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sim::{Ended, Sim, ended, exists, fed, image, mounts};

/// A world with the image imported under this name.
fn imported(test: &str, name: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let ended = sim.import(name, &image());
    assert_eq!(ended.code, 0, "{ended:?}");
    Some(sim)
}

fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    sim.run(arguments)
}

/// A program that runs without a shell.
fn exec(sim: &Sim, arguments: &[&str]) -> Ended {
    sim.run(["-d", "NixOS", "-u", "root", "-e"].iter().chain(arguments))
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn first_command_second_command_restart() {
    let Some(sim) = imported("first_command_second_command_restart", "NixOS") else { return };
    assert_eq!(sim.ok(["-l", "-v"]).lines().last(), Some("* NixOS    Stopped         2"));
    let first = run(&sim, &["-d", "NixOS", "--", "echo", "hello"]);
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "hello\n", ""));
    assert_eq!(sim.ok(["-l", "-v"]).lines().last(), Some("* NixOS    Running         2"));
    let second = run(&sim, &["echo", "again"]);
    assert_eq!((second.out.as_str(), second.err.as_str()), ("again\n", ""));
    assert_eq!(sim.hidden("NixOS"), "", "WSL hides nothing of this start");
    let boot = sim.sh(
        "NixOS",
        "cat /proc/sys/kernel/random/boot_id >/run/kept; echo kept >/var/lib/kept; stat -c %Y /proc/1",
    );
    let processes = sim.processes("NixOS");
    let cgroup = sim.instance("NixOS")["cgroup"].as_str().expect("a path").to_owned();
    assert!(processes.len() > 5, "{processes:?}");
    assert_eq!(sim.ok(["--terminate", "NixOS"]), "The operation completed successfully.");
    assert_eq!(sim.hidden("NixOS"), "", "systemd powers off in time");
    assert!(!Path::new(&cgroup).exists());
    assert!(processes.iter().all(|&pid| !exists(pid)), "no process is left");
    assert_eq!(mounts(sim.directory.path()), [""; 0], "no mount is left");
    assert_eq!(sim.ok(["-t", "NixOS"]), "The operation completed successfully.", "once more is no fault");
    assert_eq!(sim.sh("NixOS", "cat /var/lib/kept; ls /run/kept 2>/dev/null || echo gone"), "kept\ngone");
    assert!(!boot.is_empty());
    sim.ok(["--shutdown"]);
    assert_eq!(sim.run(["-l", "--running"]).out, "There are no running distributions.\n");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn exit_codes_and_signals() {
    let Some(sim) = imported("exit_codes_and_signals", "NixOS") else { return };
    for code in ["0", "1", "42", "255"] {
        assert_eq!(run(&sim, &["--", "exit", code]).code.to_string(), code);
        assert_eq!(exec(&sim, &["/bin/sh", "-c", "exit $0", code]).code.to_string(), code);
    }
    for (signal, code) in [("KILL", 9), ("TERM", 15), ("HUP", 1)] {
        assert_eq!(
            exec(&sim, &["/bin/sh", "-c", "kill -$0 $$", signal]).code,
            code,
            "SIG{signal}: the raw wait status"
        );
    }
    let missing = exec(&sim, &["no-such-program"]);
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
    let Some(sim) = imported("arguments_arrive_as_they_are", "NixOS") else { return };
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
    let Some(sim) = imported("streams_are_carried_byte_for_byte", "NixOS") else { return };
    let mut seed = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(10_000_000)
    .collect();
    let file = sim.directory.path().join("input");
    fs::write(&file, &bytes).expect("a file");
    let mut command = sim.command(["-e", "/bin/sh", "-c", "cat; echo error >&2"]);
    let output = command.stdin(fs::File::open(&file).expect("the file")).output().expect("wsl-sim");
    assert!(output.stdout == bytes, "10 MB from a file: {} bytes came back", output.stdout.len());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error\n");
    let counted = fed(&mut sim.command(["--", "wc", "-c"]), &bytes);
    assert_eq!(counted.out.trim(), "10000000", "10 MB through a pipe");
    let some = fed(&mut sim.command(["--", "head", "-c", "5"]), &vec![b'x'; 10_000_000]);
    assert_eq!((some.code, some.out.as_str()), (0, "xxxxx"), "a program that stops reading");
    let none = sim.run(["--", "cat"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""), "no input");
    // A reader that goes away ends the writer, as in any pipeline.
    let mut endless = sim.command(["--", "yes"]).stdout(Stdio::piped()).spawn().expect("wsl-sim");
    drop(endless.stdout.take());
    let deadline = Instant::now() + Duration::from_secs(20);
    while endless.try_wait().expect("its state").is_none() {
        assert!(Instant::now() < deadline, "`yes` goes on without a reader");
        std::thread::sleep(Duration::from_millis(10));
    }
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
    let Some(sim) = imported("directory_and_environment", "NixOS") else { return };
    for (arguments, directory) in [
        (&["--", "pwd"][..], "/mnt/c"),
        (&["~", "-e", "/bin/sh", "-c", "pwd"], "/home/nixos"),
        (&["--cd", "~", "--", "pwd"], "/home/nixos"),
        (&["--cd", "/tmp", "--", "pwd"], "/tmp"),
        (&["-u", "root", "--cd", "~/..", "-e", "/bin/sh", "-c", "pwd -P"], "/"),
    ] {
        assert_eq!(run(&sim, arguments).out.trim_end(), directory, "{arguments:?}");
    }
    let mut command = sim.command(["-e", "/bin/sh", "-c", "exec /nix/var/nix/profiles/system/sw/bin/env"]);
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
    for name in ["SECRET", "container", "XDG_SESSION_ID", "WSL_SIM_HOME"] {
        assert_eq!(variable(name), None, "{name}");
    }
    let interop = variable("WSL_INTEROP").expect("WSL_INTEROP");
    assert!(interop.starts_with("/run/WSL/") && interop.ends_with("_interop"), "{interop}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn systemd_is_up_with_a_session_for_the_user() {
    let Some(sim) = imported("systemd_is_up_with_a_session_for_the_user", "NixOS") else { return };
    assert_eq!(run(&sim, &["--", "true"]).err, "");
    assert_eq!(sim.ok(["--", "systemctl", "is-system-running"]), "running", "through the user's shell");
    assert_eq!(sim.sh("NixOS", "systemctl list-units --failed --no-legend --plain"), "");
    assert_eq!(sim.sh("NixOS", "cat /proc/1/comm"), "systemd");
    assert_eq!(sim.sh("NixOS", "systemctl is-active user@1000.service"), "active");
    let as_user = |line: &str| sim.ok(["-e", "/bin/sh", "-c", line]);
    assert_eq!(as_user("systemctl --user is-system-running"), "running");
    let sessions = sim.sh("NixOS", "loginctl list-sessions --no-legend");
    assert!(sessions.lines().any(|line| line.contains("1000") && line.contains("nixos")), "{sessions}");
    assert_eq!(sim.sh("NixOS", "hostname 2>/dev/null || cat /proc/sys/kernel/hostname"), "Test-PC");
    assert!(sim.sh("NixOS", "cat /proc/1/cgroup").contains("0::/wsl-user/distro-1/systemd"), "W§5.4");
    assert!(as_user("cat /proc/self/cgroup").contains("0::/wsl-user/distro-1/non-systemd"));
    assert_eq!(sim.ok(["-e", "/bin/sh", "-c", "umask"]), "0022");
    assert_eq!(
        sim.sh("NixOS", "systemctl show -P LoadState wsl-mnt-guard.service"),
        "loaded",
        "WSL's generator ran"
    );
    assert_eq!(
        sim.sh("NixOS", "wslpath -w /mnt/c/Users; wslpath 'C:\\Users'; wslinfo --networking-mode"),
        "C:\\Users\n/mnt/c/Users\nnat"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_slow_activation_still_gives_a_shell() {
    let Some(sim) = imported("a_slow_activation_still_gives_a_shell", "NixOS") else { return };
    let system =
        fs::read_link(sim.inside("NixOS", "nix/var/nix/profiles/system-1-link")).expect("the profile");
    let activate = sim.inside("NixOS", system.join("activate").to_str().expect("a readable path"));
    let script = fs::read_to_string(&activate).expect("the activation script");
    let (first, rest) = script.split_once('\n').expect("a script");
    let (path, mode) =
        (activate.with_extension("new"), fs::metadata(&activate).expect("its mode").permissions());
    fs::write(&path, format!("{first}\n(unset IFS; exec sleep 15) || /bin/sh -c 'sleep 15'\n{rest}"))
        .expect("a slower script");
    fs::set_permissions(&path, mode).expect("its mode");
    fs::rename(&path, &activate).expect("in its place");
    let ended = run(&sim, &["--", "echo", "a shell"]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "a shell\n"), "{ended:?}");
    assert!(sim.hidden("NixOS").contains("systemd was not ready within 10000 ms"), "{}", sim.hidden("NixOS"));
    let deadline = Instant::now() + Duration::from_secs(60);
    while run(&sim, &["-u", "root", "-e", "/bin/sh", "-c", "systemctl is-system-running"]).out != "running\n"
    {
        assert!(Instant::now() < deadline, "systemd never came up");
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn two_distributions_at_once() {
    let Some(sim) = imported("two_distributions_at_once", "NixOS") else { return };
    assert_eq!(sim.import("Second", &image()).code, 0);
    for name in ["NixOS", "Second"] {
        sim.sh(name, &format!("echo {name} >/run/mine"));
    }
    for name in ["NixOS", "Second"] {
        assert_eq!(
            sim.sh(name, "cat /run/mine; echo $WSL_DISTRO_NAME; systemctl is-system-running"),
            format!("{name}\n{name}\nrunning")
        );
    }
    sim.ok(["-t", "NixOS"]);
    assert_eq!(sim.sh("Second", "cat /run/mine; systemctl is-system-running"), "Second\nrunning");
    assert_eq!(
        sim.ok(["-l", "-v"]),
        "  NAME      STATE           VERSION\n* NixOS     Stopped         2\n  Second    Running         2"
    );
    let ended = sim.run(["--unregister", "Second"]);
    assert_eq!(ended.code, 0, "a running distribution is terminated first: {ended:?}");
    assert!(!sim.directory.path().join("Second").exists());
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn export_and_import_again() {
    let Some(sim) = imported("export_and_import_again", "NixOS") else { return };
    sim.sh("NixOS", "echo kept >/var/lib/kept; echo $PPID >/run/lost");
    let file = sim.directory.path().join("export.tar");
    sim.ok(["--export", "NixOS", file.to_str().expect("a path")]);
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "", "an export terminates the distribution");
    assert_eq!(sim.import("Copy", &file).code, 0);
    assert_eq!(
        sim.sh("Copy", "cat /var/lib/kept; ls /run/lost 2>/dev/null; systemctl is-system-running"),
        "kept\nrunning"
    );
    assert_eq!(sim.hidden("Copy"), "");
}

/// Installed as the image would be from a manifest, with this first-run configuration.
fn installed(test: &str, conf: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let mut command = sim.command(["--install", "--no-launch", "--name", "NixOS", "--location"]);
    command.arg(sim.directory.path().join("NixOS")).arg("--from-file").arg(image());
    fs::create_dir(sim.directory.path().join("NixOS")).expect("a directory");
    let ended = ended(&mut command);
    assert_eq!(ended.code, 0, "{ended:?}");
    for (path, text) in [
        ("etc/wsl-distribution.conf", conf),
        ("etc/wsl.conf", "[boot]\nsystemd=true\n[automount]\nmountFsTab=false\nldconfig=false\n"),
    ] {
        let path = sim.inside("NixOS", path);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).expect("a configuration");
    }
    Some(sim)
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn first_run() {
    let command = "test -e /etc/let-it || { echo not yet; exit 3; }; echo \\\"first run as $USER in $PWD\\\"; read word; echo got $word";
    let conf = format!("[oobe]\ncommand = \"{command}\"\ndefaultUid = 1000\n");
    let Some(sim) = installed("first_run", &conf) else { return };
    assert_eq!(sim.sh("NixOS", "id -u"), "0", "a command runs without it, as the registry's user");
    let failed = fed(&mut sim.command(["-d", "NixOS"]), b"id -u\n");
    assert_eq!((failed.code, failed.out.as_str()), (1, "not yet\n"), "{failed:?}");
    assert!(
        failed.err.contains(&format!("OOBE command \"{}\" failed, exiting\n", command.replace('\\', ""))),
        "{failed:?}"
    );
    assert_eq!(sim.registration("NixOS")["RunOOBE"], true, "tried again next time");
    sim.sh("NixOS", "touch /etc/let-it");
    let first = fed(&mut sim.command(["-d", "NixOS", "-u", "root"]), b"answer\necho shell of $(id -u)\n");
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(
        first.out, "first run as root in /\ngot answer\nshell of 1000\n",
        "the same call goes on, whatever -u says"
    );
    assert_eq!(sim.registration("NixOS")["RunOOBE"], false);
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 1000);
    let next = fed(&mut sim.command(["-d", "NixOS"]), b"echo shell of $(id -u)\n");
    assert_eq!((next.out.as_str(), next.err.as_str()), ("shell of 1000\n", ""), "it has had its turn");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn others_wait_for_the_first_run() {
    let conf = "[oobe]\ncommand = \"echo started; read word\"\n";
    let Some(sim) = installed("others_wait_for_the_first_run", conf) else { return };
    let mut first = sim.command(["-d", "NixOS"]);
    let mut first = first.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("wsl-sim");
    let mut line = String::new();
    let mut out = BufReader::new(first.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("its output");
    assert_eq!(line, "started\n");
    let mut second = sim.command(["-d", "NixOS", "--", "echo", "second"]);
    let mut second = second.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wsl-sim");
    let mut err = BufReader::new(second.stderr.take().expect("a pipe"));
    line.clear();
    err.read_line(&mut line).expect("its messages");
    assert_eq!(line, "wsl: Waiting for OOBE command to complete for distribution \"NixOS\"...\n");
    let mut input = first.stdin.take().expect("a pipe");
    input.write_all(b"word\n").expect("the first run reads");
    // The first shell goes on, and nobody waits for that.
    assert_eq!(second.wait_with_output().expect("its end").stdout, b"second\n");
    input.write_all(b"exit 5\n").expect("the first shell reads");
    assert_eq!(first.wait().expect("its end").code(), Some(5));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn default_user() {
    let Some(sim) = imported("default_user", "NixOS") else { return };
    assert_eq!(sim.ok(["--", "id", "-un"]), "nixos", "[user] default");
    assert_eq!(sim.ok(["-u", "root", "--", "id", "-un"]), "root");
    sim.ok(["-t", "NixOS"]);
    let conf = sim.inside("NixOS", "etc/wsl.conf");
    let text =
        fs::read_to_string(&conf).expect("wsl.conf").replace("default = nixos", "default = nobody-here");
    let _ = fs::remove_file(&conf);
    fs::write(&conf, text).expect("wsl.conf");
    assert_eq!(sim.ok(["--", "id", "-un"]), "root", "a user that does not exist: the registry's");
    let unknown = sim.run(["--manage", "NixOS", "--set-default-user", "nobody-here"]);
    assert_ne!(unknown.code, 0, "{unknown:?}");
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 0);
    let set = sim.run(["--manage", "nixos", "--set-default-user", "nixos"]);
    assert_eq!((set.code, set.out.as_str()), (0, "The operation completed successfully.\n"), "{set:?}");
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 1000);
    assert_eq!(sim.ok(["--", "id", "-un"]), "nixos");
}
