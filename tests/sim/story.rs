//! What a newcomer does, from the double click on: two distributions, one whose user is typed and one whose user a file
//! names; the first rebuild without a network, a change, a rollback, an end, and the next start.
#![cfg(feature = "sim")]

use std::ffi::OsStr;
use std::fs;

use crate::support::sim::{Sim, bundled, namespace, with_input};
use crate::support::terminal::Terminal;

const PROFILE: &str = "/nix/var/nix/profiles/system";

/// `wsl --install --from-file`, as a double click does it, and a Windows whose user has a seed.
fn double_click(sim: &Sim, name: &str, seed: Option<&str>) {
    let image = bundled(if namespace() { "story-namespace-image.tar.gz" } else { "story-image.tar.gz" });
    let directory = sim.directory.path().join(name);
    fs::create_dir(&directory).expect("a directory");
    let words = ["--install", "--no-launch", "--name", name, "--location"].map(OsStr::new);
    sim.ok(words.into_iter().chain([directory.as_os_str(), "--from-file".as_ref(), image.as_os_str()]));
    let seed = seed.map_or(String::new(), |user| {
        format!(
            " && printf '#cloud-config\\nusers: [{user}]\\n' >/mnt/c/Users/me/.cloud-init/{name}.user-data"
        )
    });
    // A script stands for cmd.exe.
    sim.outside(
        name,
        &format!(
            "mkdir -p /mnt/c/Windows/System32 /mnt/c/Users/me/.cloud-init && cd /mnt/c/Windows/System32 && \
             printf '#!/bin/sh\\nprintf \"Grace Hopper\\\\r\\\\nC:\\\\\\\\Users\\\\\\\\me\\\\r\\\\n\"\\n' >cmd.exe && chmod +x cmd.exe{seed}"
        ),
    );
}

/// A line for the login shell of WSL's user, who may use `sudo`.
fn type_line(sim: &Sim, name: &str, line: &str) -> String {
    let ended = with_input(&mut sim.command(["-d", name]), format!("{line}\n").as_bytes());
    assert_eq!(ended.code, 0, "{line}: {ended:?}");
    ended.out
}

/// As `sudo nixos-rebuild switch`: what had to be built.
fn rebuild(sim: &Sim, name: &str) -> Vec<String> {
    let said = type_line(
        sim,
        name,
        &format!(
            "system=$(sudo nix-build /etc/nixos -A toplevel --no-out-link 2>/tmp/said) && cat /tmp/said && \
             sudo nix-env -p {PROFILE} --set $system && sudo $system/bin/switch-to-configuration switch"
        ),
    );
    for word in ["download", "fetch", "copying"] {
        assert!(!said.contains(word), "{said}");
    }
    let built =
        said.lines().filter_map(|line| line.strip_prefix("building '/nix/store/")?.split_once(".drv'"));
    let mut built: Vec<String> =
        built.filter_map(|(name, _)| Some(name.split_once('-')?.1.to_owned())).collect();
    built.sort();
    built
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn from_the_double_click_to_the_next_start() {
    let Some(sim) = Sim::for_starts("from_the_double_click_to_the_next_start") else { return };
    double_click(&sim, "Typed", None);
    double_click(&sim, "Answered", Some("ada"));

    let mut terminal = Terminal::open(&sim, &["-d", "Typed"], 80);
    terminal.expect("User name [grace-hopper]: ");
    terminal.type_in("grace\n");
    terminal.expect("grace is made");
    terminal.type_in("echo is $(id -un) in $(readlink -f ~); exit\n");
    terminal.expect("is grace in /home/grace");
    assert_eq!(terminal.end(), 0);
    let mut terminal = Terminal::open(&sim, &["-d", "Answered"], 80);
    terminal.expect("ada is made");
    terminal.type_in("echo is $(id -un); exit\n");
    terminal.expect("is ada");
    assert_eq!(terminal.end(), 0);

    for (name, user) in [("Typed", "grace"), ("Answered", "ada")] {
        // The first one: the user is in the configuration from now on.
        let first = type_line(&sim, name, "readlink -f /run/current-system");
        let built = rebuild(&sim, name);
        assert!(built.iter().any(|name| name.starts_with("nixos-system-")), "{built:?}");
        assert_ne!(type_line(&sim, name, "readlink -f /run/current-system"), first);
        assert_eq!(type_line(&sim, name, "grep ^default /etc/wsl.conf"), format!("default = {user}\n"));
        assert_eq!(rebuild(&sim, name), Vec::<String>::new(), "a second time there is nothing to build");

        // A change, and back.
        let change = "echo '{ etc.motto = \"a line\\n\"; }' | sudo tee /etc/nixos/configuration.nix";
        type_line(&sim, name, change);
        rebuild(&sim, name);
        assert_eq!(type_line(&sim, name, "cat /etc/motto"), "a line\n");
        type_line(
            &sim,
            name,
            &format!(
                "sudo nix-env -p {PROFILE} --rollback && sudo {PROFILE}/bin/switch-to-configuration switch"
            ),
        );
        assert_eq!(
            type_line(&sim, name, "ls /etc/motto 2>&1 | wc -l; test -e /etc/motto || echo gone"),
            "1\ngone\n"
        );

        // An end, and again: the same user, home and system.
        type_line(&sim, name, "echo kept >~/note");
        sim.ok(["--terminate", name]);
        let again = type_line(&sim, name, "echo $(id -un) $(cat ~/note) $(sudo id -un)");
        assert_eq!(again, format!("{user} kept root\n"));
        let listed = type_line(&sim, name, "nixos-wsl generations");
        let active: Vec<&str> =
            listed.lines().filter(|line| line.contains("active, booted, default")).collect();
        assert!(active.len() == 1 && active[0].starts_with("2 "), "{listed}");
        assert_eq!(sim.sh(name, "systemctl is-system-running --wait"), "running");
    }
}
