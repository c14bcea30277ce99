//! A user whose terminal takes nothing keeps nobody else from systemd (docs/namespace.md).
#![cfg(feature = "sim")]

use std::process::Stdio;

use crate::support::sim::Sim;
use crate::support::sim::shells::{HELPER, NAME, TOOLS, eventually, imported, outside, shell};
use crate::support::terminal::Terminal;

/// With an image whose systemd needs so long that the first shell says so, and whose shells do not wait for ever.
fn slow(test: &str) -> Option<Sim> {
    let sim = imported(test)?;
    let folder = "/run/systemd/system";
    outside(
        &sim,
        &format!(
            "mkdir -p {folder}/multi-user.target.wants; printf '[Service]\\nType=oneshot\\nExecStart=/run/current-system/sw/bin/sleep 3\\n' >{folder}/slow.service; \
             ln -s ../slow.service {folder}/multi-user.target.wants/"
        ),
    );
    let system =
        std::fs::read_link(sim.inside(NAME, "nix/var/nix/profiles/system-1-link")).expect("the profile");
    let settings = sim.inside(NAME, system.join("nixos-wsl/session.json").to_str().expect("a readable path"));
    std::fs::remove_file(&settings).expect("the settings");
    std::fs::write(&settings, r#"{"systemdMode":"namespace","systemdTimeout":20}"#).expect("settings");
    Some(sim)
}

fn start_is_under_way(sim: &Sim) {
    eventually("systemd is being started", || {
        outside(sim, "test -e /run/nixos-wsl/state && echo there || true") == "there"
    });
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_stopped_terminal_does_not_keep_others_waiting() {
    let Some(sim) = slow("a_stopped_terminal_does_not_keep_others_waiting") else { return };
    let line = format!(
        "{TOOLS}echo rea''dy; read word; exec {HELPER} login bash -c 'grep -h flags: /proc/self/fdinfo/0 /proc/self/fdinfo/2; exit 7'"
    );
    let mut terminal = Terminal::open(&sim, &["-d", NAME, "-u", "nixos", "-e", "/bin/sh", "-c", &line], 111);
    terminal.expect("ready\r\n");
    // ^S: from here on whoever writes to the terminal waits.
    terminal.type_in("\x13\n");
    start_is_under_way(&sim);
    let other = shell(&sim, "cat /proc/1/comm");
    assert_eq!((other.out.as_str(), other.err.as_str()), ("systemd\n", ""), "{other:?}");
    terminal.type_in("\x11");
    assert_eq!(terminal.end(), 7);
    let text = terminal.expect("flags:\t") + &terminal.expect("\r\n") + &terminal.expect("\r\n");
    for flags in text.split_whitespace().filter_map(|word| u32::from_str_radix(word, 8).ok()) {
        assert_eq!(flags & 0o4000, 0, "the terminal of all its programs blocks as before: {text}");
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_full_pipe_does_not_keep_others_waiting() {
    let Some(sim) = slow("a_full_pipe_does_not_keep_others_waiting") else { return };
    // Nobody reads it, and there is no room left in it.
    let line = format!(
        "{TOOLS}mkfifo /tmp/full; exec 3<>/tmp/full; timeout 1 cat /dev/zero >&3; exec {HELPER} login bash -c 'exit 7' >&3 2>&3"
    );
    let mut command = sim.command(["-d", NAME, "-u", "nixos", "-e", "/bin/sh", "-c", &line]);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("wsl-sim");
    start_is_under_way(&sim);
    let other = shell(&sim, "cat /proc/1/comm");
    assert_eq!((other.out.as_str(), other.err.as_str()), ("systemd\n", ""), "{other:?}");
    assert_eq!(first.wait().expect("its end").code(), Some(7));
}
