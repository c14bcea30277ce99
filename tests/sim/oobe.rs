//! The first start of an image whose user is made then: `nixos-wsl oobe` on a terminal and from a file (W§7).
#![cfg(feature = "sim")]

use std::fs;

use rustix::process::Signal;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, bundled, namespace, signal, with_input};
use crate::support::terminal::Terminal;

const USER_NIX: &str = "etc/nixos/user.nix";
const QUESTION: &str = "User name";

/// Installed by a double click, with a Windows whose user has this name.
fn installed(test: &str, windows_user: Option<&str>) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let image =
        bundled(if namespace() { "first-run-namespace-image.tar.gz" } else { "first-run-image.tar.gz" });
    let directory = sim.directory.path().join("NixOS");
    fs::create_dir(&directory).expect("a directory");
    let words = ["--install", "--no-launch", "--name", "NixOS", "--location"].map(std::ffi::OsStr::new);
    let paths = [directory.as_os_str(), "--from-file".as_ref(), image.as_os_str()];
    sim.ok(words.into_iter().chain(paths));
    if let Some(name) = windows_user {
        // WSL's own command line starts the distribution, and the drives are there; a script stands for cmd.exe.
        sim.outside(
            "NixOS",
            &format!(
                "mkdir -p /mnt/c/Windows/System32 '/mnt/c/Users/me/.cloud-init' && cd /mnt/c/Windows/System32 && \
                 printf '#!/bin/sh\\nprintf \"{name}\\\\r\\\\nC:\\\\\\\\Users\\\\\\\\me\\\\r\\\\n\"\\n' > cmd.exe && chmod +x cmd.exe"
            ),
        );
    }
    Some(sim)
}

fn user_nix(sim: &Sim) -> String {
    fs::read_to_string(sim.inside("NixOS", USER_NIX)).expect("the file")
}

fn is_open(sim: &Sim) -> bool {
    let passwd = fs::read_to_string(sim.inside("NixOS", "etc/passwd")).expect("passwd");
    let unnamed = user_nix(sim).contains("askForUser = true") && !passwd.contains(":1000:");
    assert_eq!(unnamed, sim.registration("NixOS")["RunOOBE"] == true);
    unnamed
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_user_is_asked_for_on_a_terminal_and_can_work_at_once() {
    let test = "the_user_is_asked_for_on_a_terminal_and_can_work_at_once";
    let Some(sim) = installed(test, Some("Zo Smith")) else { return };

    // Ctrl-C, then a window that is closed: nothing is made, commands run, the next start asks.
    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"], 80);
    terminal.expect(QUESTION);
    terminal.type_in("\x03");
    assert_eq!(terminal.end(), 2, "ended by SIGINT");
    assert!(is_open(&sim));
    assert_eq!(sim.ok(["-d", "NixOS", "--", "id", "-un"]), "root");
    let ended = with_input(&mut sim.command(["-d", "NixOS"]), b"");
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("the next start asks again"), "{ended:?}");
    assert!(is_open(&sim));

    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"], 80);
    terminal.expect("User name [zo-smith]: ");
    for (typed, answer) in [
        ("Zoe", "cannot be a user's name"),
        ("root", "`root' is a user of the system"),
        ("1zoe", "cannot be a user's name"),
        ("zoe; rm -r /", "cannot be a user's name"),
        ("\"${x}", "cannot be a user's name"),
    ] {
        terminal.type_in(&format!("{typed}\n"));
        terminal.expect(answer);
        terminal.expect(QUESTION);
    }
    terminal.type_in("\n");
    terminal.expect("zo-smith is made");
    terminal.type_in("echo is $(id -un) $(id -u) $(id -Gn) in $PWD; exit\n");
    terminal.expect("is zo-smith 1000 users wheel in ");
    assert_eq!(terminal.end(), 0);
    assert!(!is_open(&sim));
    assert!(user_nix(&sim).contains("{ wsl.defaultUser = \"zo-smith\"; }"), "{}", user_nix(&sim));
    assert_eq!(sim.registration("NixOS")["DefaultUid"], 1000);

    // The next start's activation knows nobody of this name and keeps the user.
    sim.ok(["--terminate", "NixOS"]);
    let ended = with_input(
        &mut sim.command(["-d", "NixOS"]),
        b"touch ~/mine && echo is $(id -un) $(sudo id -un) $(stat -c %a ~)\n",
    );
    assert_eq!((ended.code, ended.out.as_str()), (0, "is zo-smith root 700\n"), "{ended:?}");
    let again = sim.outside("NixOS", "nixos-wsl oobe </dev/null");
    assert_eq!(again, "zo-smith is the user that WSL opens shells for.");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_file_answers_and_what_was_cut_short_is_completed() {
    let test = "a_file_answers_and_what_was_cut_short_is_completed";
    let Some(sim) = installed(test, Some("me")) else { return };
    let seed = "/mnt/c/Users/me/.cloud-init/nixos-all.user-data";
    let unattended = || {
        let line = ["-d", "NixOS", "-u", "root", "-e", "/bin/nixos-wsl", "oobe", "--unattended"];
        sim.run(line)
    };
    let ended = unattended();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("no file names the user"), "{ended:?}");
    sim.outside("NixOS", &format!("printf '#cloud-config\\nusers: [Bad Name]\\n' > {seed}"));
    let ended = unattended();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("nixos-all.user-data: `Bad Name' cannot be"), "{ended:?}");
    assert!(is_open(&sim));
    let answers = "#cloud-config\\nusers:\\n- default\\n- {name: ada, gecos: Ada L}\\nruncmd: [reboot]\\n";
    sim.outside("NixOS", &format!("printf '{answers}' > {seed}"));

    // A run that was killed after its first step: the user is there, without a home, rights and a place in the configuration.
    sim.outside(
        "NixOS",
        "useradd -u 1000 -g users -M -d /home/ada -s /usr/lib/nixos-wsl/shells/root/bash ada",
    );
    let ended = unattended();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sim.outside("NixOS", "id -Gn ada; stat -c '%U %a' /home/ada"), "users wheel\nada 700");
    assert!(user_nix(&sim).contains("\"ada\""), "{}", user_nix(&sim));

    // One that was killed while it made the home.
    sim.outside("NixOS", "rmdir /home/ada; mkdir -m 700 /home/.ada.nixos-wsl");
    let ended = unattended();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sim.outside("NixOS", "ls -A /home; stat -c '%U %a' /home/ada"), "ada\nada 700");

    // As if nothing had been done: the file alone, by WSL's own call.
    sim.outside(
        "NixOS",
        "userdel -r ada; echo '# wsl.distribution.oobe.askForUser = true' > /etc/nixos/user.nix",
    );
    let first = with_input(&mut sim.command(["-d", "NixOS"]), b"echo is $(id -un)\n");
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.ends_with("is ada\n") && !first.out.contains(QUESTION), "{first:?}");
    assert!(first.err.contains("`runcmd' is not read here"), "{first:?}");
    let passwd = fs::read_to_string(sim.inside("NixOS", "etc/passwd")).expect("passwd");
    assert!(passwd.contains("ada:x:1000:100:Ada L:/home/ada:"), "{passwd}");
    assert!(!is_open(&sim));
}

/// The first start's process and those that it has started, seen from outside.
fn first_start(sim: &Sim) -> Vec<u32> {
    const PROGRAMS: [&str; 4] = ["oobe", "useradd", "usermod", "pwconv"];
    let line = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut found = sim.processes("NixOS");
    found.retain(|&pid| {
        let line = line(pid);
        // The shell that WSL starts it by has its name too, and ends with it.
        line.split(|&byte| byte == 0)
            .take(2)
            .any(|word| PROGRAMS.iter().any(|name| word.ends_with(name.as_bytes())))
    });
    found
}

fn kill(pids: &[u32]) {
    for &pid in pids {
        signal(pid, Signal::KILL);
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_closed_window_and_a_kill_leave_a_usable_system() {
    let test = "a_closed_window_and_a_kill_leave_a_usable_system";
    let Some(sim) = installed(test, Some("me")) else { return };

    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"], 80);
    terminal.expect(QUESTION);
    terminal.hang_up();
    eventually("the first start ends with its window", || first_start(&sim).is_empty());
    assert!(is_open(&sim));

    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"], 80);
    terminal.expect(QUESTION);
    kill(&first_start(&sim));
    terminal.expect("failed, exiting");
    assert_eq!(terminal.end(), 1);
    assert!(is_open(&sim));
    assert_eq!(sim.ok(["-d", "NixOS", "--", "id", "-un"]), "root");

    // Between the steps: as soon as a file is there that a step makes.
    let seed = "/mnt/c/Users/me/.cloud-init/nixos-all.user-data";
    sim.outside("NixOS", &format!("printf '#cloud-config\nusers: [ada]\n' > {seed}"));
    let open = user_nix(&sim);
    let has = |path: &str, text: &str| {
        fs::read_to_string(sim.inside("NixOS", path)).is_ok_and(|content| content.contains(text))
    };
    let states: [(&str, &dyn Fn() -> bool); 4] = [
        ("useradd runs", &|| first_start(&sim).len() > 1),
        ("passwd", &|| has("etc/passwd", "ada:")),
        ("home", &|| sim.inside("NixOS", "home/ada").exists()),
        ("group", &|| has("etc/group", "ada")),
    ];
    for (state, reached) in states {
        let line = ["-d", "NixOS", "-u", "root", "-e", "/bin/nixos-wsl", "oobe", "--unattended"];
        let mut client = sim.command(line).spawn().expect("wsl-sim");
        // It may have come to its end before anybody looks.
        eventually(state, || reached() || client.try_wait().is_ok_and(|ended| ended.is_some()));
        kill(&first_start(&sim));
        client.wait().expect("its end");
        sim.ok(line);
        assert!(has(USER_NIX, "\"ada\""), "{state}: {}", user_nix(&sim));
        let facts = "id -Gn ada; stat -c '%U %a' /home/ada; grep -c '^ada:' /etc/passwd /etc/shadow; su -c 'id -u' ada";
        assert_eq!(
            sim.outside("NixOS", facts),
            "users wheel\nada 700\n/etc/passwd:1\n/etc/shadow:1\n1000",
            "{state}"
        );
        sim.outside("NixOS", "userdel -r ada; rm -rf /home/ada");
        fs::write(sim.inside("NixOS", USER_NIX), &open).expect("the file");
    }
}
