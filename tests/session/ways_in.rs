//! Every way into a system, with every shell: `PATH` has NixOS's order, and `sudo` is the one with its setuid bit.
//!
//! The users have no number in the configuration, and PAM sets the environment as NixOS has it (`pam_env`).
#![cfg(feature = "sim")]

use std::fs;

use crate::support::sim::{Sim, bundled, ended, with_input};
use crate::support::terminal::Terminal;

const NAME: &str = "NixOS";
/// What every shell understands; its output is judged.
const PROBE: &str = "printenv PATH; command -v sudo; sudo -n id -u";
/// The same into a file, for shells that are typed to.
const TYPED: &str = "printenv PATH >~/out; command -v sudo >>~/out; sudo -n id -u >>~/out; exit\r";
/// The script of a way, in the root.
const SCRIPT: &str = "/way";

/// A user's login shell, its user (checks/standin/accounts.nix), and the end of its prompt.
struct Shell {
    name: &'static str,
    user: &'static str,
    prompt: &'static str,
}

const SHELLS: [Shell; 4] = [
    Shell { name: "bash", user: "bob", prompt: "$ " },
    Shell { name: "zsh", user: "zoe", prompt: "% " },
    Shell { name: "fish", user: "fay", prompt: "> " },
    Shell { name: "dash", user: "dan", prompt: "$ " },
];

/// How a shell is started. In the texts, `USER`, `SHELL` (the name of the program) and `PROBE` stand for what they say.
enum How {
    /// `wsl` with these words behind the user's.
    Wsl(&'static [&'static str]),
    /// `wsl` for the default user, whose shell has been changed by `usermod`.
    Default(&'static [&'static str]),
    /// `wsl` without a command: the login shell reads its standard input.
    Input,
    /// A script that root's login shell runs.
    Root(&'static str),
    /// A script that the user's login shell runs.
    Own(&'static str),
    /// A command of root's on a terminal: the shell is typed to.
    Terminal(&'static str),
    /// A command of the user's on a terminal.
    OwnTerminal(&'static str),
}

/// One row of the table.
struct Way {
    name: &'static str,
    how: How,
    /// Whether folders of WSL and Windows come along, and are last.
    windows: bool,
    /// Whether the users' profiles are searched.
    profiles: bool,
    /// Cells that cannot be, with the reason: `native`, `namespace`, or the name of a shell.
    without: &'static [(&'static str, &'static str)],
}

const fn way(name: &'static str, how: How) -> Way {
    Way { name, how, windows: false, profiles: true, without: &[] }
}

const fn from_windows(name: &'static str, how: How) -> Way {
    Way { windows: true, ..way(name, how) }
}

const OUTSIDE: (&str, &str) =
    ("namespace", "-e starts a program outside of systemd's namespaces, where no system is active");
const NO_FILE: &str = "reads no file unless it is a login or interactive shell: what starts it sets PATH";

const WAYS: [Way; 19] = [
    from_windows("wsl", How::Default(&["--", "PROBE"])),
    from_windows("wsl -u", How::Wsl(&["--", "PROBE"])),
    from_windows("wsl -u, typed to", How::Input),
    Way {
        without: &[OUTSIDE],
        ..way("wsl -e, login", How::Wsl(&["-e", "/run/current-system/sw/bin/SHELL", "-l", "-c", PROBE]))
    },
    Way {
        without: &[OUTSIDE, ("bash", NO_FILE), ("dash", NO_FILE)],
        ..way("wsl -e", How::Wsl(&["-e", "/run/current-system/sw/bin/SHELL", "-c", PROBE]))
    },
    Way {
        windows: true,
        profiles: false,
        without: &[OUTSIDE],
        ..way("wsl -e /bin/sh", How::Wsl(&["-e", "/bin/sh", "-c", PROBE]))
    },
    way("su", How::Root("su USER -c 'PROBE'")),
    way("su -", How::Root("su - USER -c 'PROBE'")),
    way("sudo -i", How::Root("sudo -u USER -i eval 'PROBE'")),
    way("sudo -s", How::Own("sudo -n -u USER -s eval 'PROBE'")),
    from_windows("runuser", How::Root("runuser USER -c 'PROBE'")),
    way("runuser -l", How::Root("runuser -l USER -c 'PROBE'")),
    way("machinectl shell", How::Terminal("machinectl shell USER@.host")),
    way("login", How::Terminal("login -f USER")),
    way(
        "ssh, a command",
        How::Root("ssh -i /root/key -o StrictHostKeyChecking=no -o LogLevel=ERROR USER@127.0.0.1 'PROBE'"),
    ),
    way(
        "ssh, login",
        How::Root(
            "echo 'PROBE' | ssh -T -i /root/key -o StrictHostKeyChecking=no -o LogLevel=ERROR USER@127.0.0.1",
        ),
    ),
    Way {
        // The user's manager has a list of its own (user.conf).
        profiles: false,
        ..way(
            "systemd-run --user --pty",
            How::OwnTerminal("systemd-run --user --pty --quiet --wait --collect SHELL"),
        )
    },
    way(
        "a system service, SHELL -lc",
        How::Root("systemd-run --quiet --pipe --wait --collect --uid=USER SHELL -lc 'PROBE'"),
    ),
    Way {
        profiles: false,
        ..way(
            "a system service, /bin/sh -c",
            // As NixOS's services have it: a few packages.
            How::Root(
                "systemd-run --quiet --pipe --wait --collect --uid=USER \
                 --setenv=PATH=$(dirname $(readlink -f $(command -v printenv))) /bin/sh -c 'PROBE'",
            ),
        )
    },
];

/// What is wrong with a cell's output: the path, where `sudo` is, what it does.
fn fault(way: &Way, output: &str) -> Option<String> {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [path, sudo, root] = lines[..] else { return Some(format!("not three lines: {output:?}")) };
    let entries: Vec<&str> = path.split(':').collect();
    let ranks: Vec<usize> = entries.iter().filter_map(|entry| rank(entry)).collect();
    let has = |rank: usize| ranks.contains(&rank);
    let faults = [
        (!ranks.is_sorted(), "not in order"),
        (!has(WRAPPERS), "without wrappers"),
        (!has(SYSTEM), "without the system"),
        (way.profiles && !has(PROFILES), "without profiles"),
        (way.windows && !path.contains("/mnt/c/"), "without Windows' folders"),
        (sudo != "/run/wrappers/bin/sudo", "another sudo"),
        (root != "0", "sudo does not work"),
    ];
    let faults: Vec<&str> = faults.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect();
    (!faults.is_empty()).then(|| format!("{}: {lines:?}", faults.join(", ")))
}

const WRAPPERS: usize = 0;
const PROFILES: usize = 1;
const SYSTEM: usize = 2;
const WSL: usize = 3;

/// Where a folder belongs; others may be anywhere.
fn rank(folder: &str) -> Option<usize> {
    let profiles = ["/.nix-profile/bin", "/nix/profile/bin", "/nix/var/nix/profiles/default/bin"];
    match folder {
        "/run/wrappers/bin" => Some(WRAPPERS),
        "/run/current-system/sw/bin" => Some(SYSTEM),
        _ if profiles.iter().any(|end| folder.ends_with(end)) => Some(PROFILES),
        _ if folder.starts_with("/etc/profiles/per-user/") => Some(PROFILES),
        _ if folder.starts_with("/mnt/") || folder.starts_with("/usr/") => Some(WSL),
        _ => None,
    }
}

/// Runs a cell: what it printed.
fn run(sim: &Sim, way: &Way, shell: &Shell) -> Result<String, String> {
    let fill =
        |text: &str| text.replace("PROBE", PROBE).replace("USER", shell.user).replace("SHELL", shell.name);
    let words = |user: &[&str], words: &[&str]| {
        let mut all: Vec<String> = ["-d", NAME].iter().chain(user).map(ToString::to_string).collect();
        for word in words {
            match *word {
                // Each word for itself: WSL hands them to the shell as a line.
                "PROBE" => all.extend(PROBE.split(' ').map(Into::into)),
                PROBE => all.push(PROBE.into()),
                word => all.push(fill(word)),
            }
        }
        all
    };
    let script = |user: &str, text: &str| {
        fs::write(sim.inside(NAME, SCRIPT), fill(text)).expect("the script");
        sim.command(words(&["-u", user], &["--", "bash", SCRIPT]))
    };
    let ended = match &way.how {
        How::Wsl(line) => ended(&mut sim.command(words(&["-u", shell.user], line))),
        How::Default(line) => {
            let wrapper = format!("/usr/lib/nixos-wsl/shells/@{0}/{0}", shell.name);
            sim.ok(["-d", NAME, "-u", "root", "--", "usermod", "-s", &wrapper, "nixos"]);
            ended(&mut sim.command(words(&[], line)))
        }
        How::Input => {
            with_input(&mut sim.command(words(&["-u", shell.user], &[])), format!("{PROBE}\n").as_bytes())
        }
        How::Root(text) => ended(&mut script("root", text)),
        How::Own(text) => ended(&mut script(shell.user, text)),
        How::Terminal(line) => return typed(sim, "root", &fill(line), shell),
        How::OwnTerminal(line) => return typed(sim, shell.user, &fill(line), shell),
    };
    if ended.code != 0 || !ended.err.is_empty() {
        return Err(format!("{ended:?}"));
    }
    Ok(ended.out)
}

/// Types to a shell that a user's command starts on a terminal.
fn typed(sim: &Sim, user: &str, line: &str, shell: &Shell) -> Result<String, String> {
    let out = sim.inside(NAME, &format!("home/{}/out", shell.user));
    let _ = fs::remove_file(&out);
    let words: Vec<&str> = ["-d", NAME, "-u", user, "--"].into_iter().chain(line.split(' ')).collect();
    let mut terminal = Terminal::open(sim, &words, 200);
    terminal.expect(shell.prompt);
    terminal.type_in(TYPED);
    terminal.end();
    fs::read_to_string(&out).map_err(|error| format!("{}: {error}: {:?}", out.display(), terminal.seen))
}

fn every_cell(test: &str, mode: &str, image: &str) {
    let Some(sim) = Sim::for_starts(test) else { return };
    let imported = sim.import(NAME, &bundled(image));
    assert_eq!(imported.code, 0, "{imported:?}");
    sim.ok(["-d", NAME, "-u", "root", "--", "systemctl", "is-system-running", "--wait"]);
    let users: Vec<&str> = SHELLS.iter().map(|shell| shell.user).collect();
    let keys = format!(
        "ssh-keygen -q -t ed25519 -N '' -f /root/key && mkdir -p /etc/ssh/authorized_keys.d && \
         for user in {}; do cp /root/key.pub /etc/ssh/authorized_keys.d/$user; done",
        users.join(" ")
    );
    fs::write(sim.inside(NAME, SCRIPT), keys).expect("the script");
    sim.ok(["-d", NAME, "-u", "root", "--", "bash", SCRIPT]);

    let mut faults = Vec::new();
    for way in &WAYS {
        for shell in &SHELLS {
            let cell = format!("{}, {}", way.name, shell.name);
            let without = way.without.iter().find(|(what, _)| [mode, shell.name].contains(what));
            if let Some((_, reason)) = without {
                println!("{cell}: not a cell: {reason}");
                continue;
            }
            match run(&sim, way, shell).map(|output| fault(way, &output)) {
                Ok(None) => println!("{cell}: ok"),
                Ok(Some(fault)) | Err(fault) => faults.push(format!("{cell}: {fault}")),
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn every_way_in_has_the_same_order() {
    every_cell("every_way_in_has_the_same_order", "native", "every-way-image.tar.gz");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn every_way_in_has_the_same_order_where_the_first_shell_starts_systemd() {
    every_cell(
        "every_way_in_has_the_same_order_where_the_first_shell_starts_systemd",
        "namespace",
        "every-way-namespace-image.tar.gz",
    );
}
