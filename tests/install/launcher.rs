//! What a stock DistroLauncher does after `WslRegisterDistribution`, each line through the default user's shell (W§9).
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;

use crate::support::installer::bundle;
use crate::support::sim::{Ended, Sim};
use crate::support::terminal::Terminal;

/// The first number that is free: the configuration's own users have those before it.
const NEW_USER: u32 = 1002;
const GROUPS: &str = "adm,cdrom,sudo,dip,plugdev";

/// The sequence must do the same whichever of the two is `install.tar.gz`.
const IMAGES: [&str; 2] = ["installer.tar.gz", "image.tar.gz"];

fn registered(test: &str, image: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    assert_eq!(sim.import("IN", &bundle(image)).code, 0);
    // The exit code of this one is ignored, its output is not there.
    let removed = launch(&sim, "/bin/rm /etc/resolv.conf");
    assert_eq!(removed.out, "", "{image}: {removed:?}");
    Some(sim)
}

/// `WslLaunch` with this command line.
fn launch(sim: &Sim, line: &str) -> Ended {
    sim.run(["-d", "IN", "--"].into_iter().chain(line.split(' ')))
}

/// `QueryUid`: the first number that the command prints.
fn uid(sim: &Sim, name: &str) -> u32 {
    let id = launch(sim, &format!("/usr/bin/id -u {name}"));
    assert_eq!(id.code, 0, "{id:?}");
    id.out.trim_end().parse().unwrap_or_else(|_| panic!("no number: {id:?}"))
}

/// `CreateUser`: on a terminal, because Debian's asks for a password there.
fn create(sim: &Sim, name: &str) -> u32 {
    let line = format!("/usr/sbin/adduser --quiet --gecos '' {name}");
    let arguments: Vec<_> = ["-d", "IN", "--"].into_iter().chain(line.split(' ')).collect();
    let mut terminal = Terminal::open(sim, &arguments, 80);
    for _ in 0..2 {
        terminal.expect("password: ");
        terminal.type_in("correct-horse-7\n");
    }
    assert_eq!(terminal.end(), 0);
    let modified = launch(sim, &format!("/usr/sbin/usermod -aG {GROUPS} {name}"));
    assert_eq!((modified.code, modified.out.as_str()), (0, ""), "{modified:?}");
    uid(sim, name)
}

fn password_of(sim: &Sim, name: &str) -> String {
    let shadow = fs::read_to_string(sim.inside("IN", "etc/shadow")).unwrap();
    let line = shadow.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split(':').nth(1).unwrap().to_owned()
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn install_root() {
    for image in IMAGES {
        let Some(sim) = registered("install_root", image) else { return };
        assert_eq!(uid(&sim, "nixos"), 1000, "{image}");
        let shell = launch(&sim, "nixos-version");
        assert_eq!(shell.out, "26.11.standin.1\n", "{image}: {shell:?}");
    }
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_user_of_the_configuration_gets_a_password() {
    for image in IMAGES {
        let Some(sim) = registered("the_user_of_the_configuration_gets_a_password", image) else { return };
        assert_eq!(password_of(&sim, "nixos"), "!");
        assert_eq!(create(&sim, "nixos"), 1000, "{image}");
        assert!(password_of(&sim, "nixos").starts_with('$'), "{image}");
        assert_eq!(sim.run(["--manage", "IN", "--set-default-user", "nixos"]).code, 0);
        sim.ok(["--terminate", "IN"]);
        let shell = launch(&sim, "id -un");
        assert_eq!(shell.out, "nixos\n", "{image}: {shell:?}");
    }
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn another_user_is_made_as_on_debian() {
    for image in IMAGES {
        let Some(sim) = registered("another_user_is_made_as_on_debian", image) else { return };
        assert_eq!(create(&sim, "alice"), NEW_USER, "{image}");
        assert!(password_of(&sim, "alice").starts_with('$'), "{image}");
        let groups = sim.ok(["-d", "IN", "-u", "alice", "--", "id", "-Gn"]);
        assert_eq!(groups, "users wheel cdrom adm", "{image}");
        let shell =
            sim.ok(["-d", "IN", "-u", "alice", "--", "nixos-version;", "cd;", "pwd;", "sudo", "id", "-u"]);
        assert_eq!(shell, "26.11.standin.1\n/home/alice\n0", "{image}");
        // Twice is refused as there, and what only the configuration can undo stays.
        for (line, code, sentence) in [
            ("/usr/sbin/adduser --quiet --gecos '' alice", 1, "The user `alice' already exists."),
            ("/usr/sbin/adduser --quiet --gecos '' Alice", 1, "`Alice' cannot be a user's name"),
            ("/usr/sbin/usermod -aG adm dora", 6, "user 'dora' does not exist"),
            ("/usr/sbin/deluser dora", 2, "The user `dora' does not exist."),
            ("/usr/sbin/deluser nixos", 1, "stays"),
            ("/usr/sbin/adduser --quiet --disabled-password carol", 0, "no new password"),
            ("/usr/sbin/deluser carol", 0, ""),
            ("/usr/sbin/deluser carol", 2, "does not exist"),
        ] {
            let ended = launch(&sim, line);
            assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{image}: {line}: {ended:?}");
            assert!(ended.err.contains(sentence), "{image}: {line}: {ended:?}");
        }
        assert!(sim.inside("IN", "home/carol").exists(), "Debian's deluser leaves the home");
    }
}

/// An image without `[user] default` is Debian's case: root makes the user, who then is the default.
#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn without_a_user_in_wsl_conf_the_launchers_user_is_the_default() {
    let Some(sim) = Sim::for_starts("without_a_user_in_wsl_conf_the_launchers_user_is_the_default") else {
        return;
    };
    assert_eq!(sim.import("IN", &bundle("image.tar.gz")).code, 0);
    // Also in the store: an activation writes the system's own file.
    let store = fs::read_dir(sim.inside("IN", "nix/store")).unwrap();
    let stored =
        store.map(|path| path.unwrap().path()).find(|path| path.to_string_lossy().ends_with("-accounts"));
    for conf in [sim.inside("IN", "etc/wsl.conf"), stored.unwrap().join("wsl.conf")] {
        let text = fs::read_to_string(&conf).unwrap();
        assert!(text.contains("default = nixos"), "{text}");
        fs::write(&conf, text.replace("default = nixos", "")).unwrap();
    }
    assert_eq!(launch(&sim, "id -un").out, "root\n");
    assert_eq!(create(&sim, "alice"), NEW_USER);
    assert_eq!(sim.run(["--manage", "IN", "--set-default-user", "alice"]).code, 0);
    sim.ok(["--terminate", "IN"]);
    let ended = launch(&sim, &format!("id -un; nixos-version; systemctl is-active user@{NEW_USER}"));
    assert_eq!(ended.out, "alice\n26.11.standin.1\nactive\n", "{ended:?}");
}
