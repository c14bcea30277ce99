//! The first start on a terminal: a bar that fits, then the shell; after a failure a rescue shell.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;

use crate::support::installer::{ARCHIVE, imported, imported_as, version};
use crate::support::terminal::Terminal;

/// What the bar was, each time that it was drawn.
fn bars(text: &str) -> Vec<&str> {
    text.split("\r\x1b[K").skip(1).map(|bar| bar.split('\r').next().unwrap_or("")).collect()
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_terminal_shows_a_bar_and_then_the_shell() {
    for columns in [80, 20] {
        let Some(sim) = imported("a_terminal_shows_a_bar_and_then_the_shell") else { return };
        let mut terminal = Terminal::open(&sim, &["-d", "IN"], columns);
        let before = terminal.expect("$ ");
        let bars = bars(&before);
        let drawn: Vec<_> = bars.iter().filter(|bar| bar.contains('%')).collect();
        assert!(!drawn.is_empty() && drawn.iter().any(|bar| bar.contains("100 %")), "{before:?}");
        assert!(drawn.iter().all(|bar| bar.len() < usize::from(columns)), "{columns}: {drawn:?}");
        assert_eq!(drawn[0].contains(" of ") && drawn[0].contains('['), columns == 80, "{drawn:?}");
        terminal.type_in("echo $0 `nixos-version`; stty size; exit 4\n");
        terminal.expect("-bash 26.11.standin.1");
        terminal.expect(&format!("33 {columns}"));
        assert_eq!(terminal.end(), 4);
    }
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_failure_on_a_terminal_ends_in_a_rescue_shell() {
    let Some(sim) = imported("a_failure_on_a_terminal_ends_in_a_rescue_shell") else { return };
    fs::remove_file(sim.inside("IN", ARCHIVE)).unwrap();
    let mut terminal = Terminal::open(&sim, &["-d", "IN"], 100);
    terminal.expect("cannot be read");
    terminal.expect("The system was not taken into use.");
    terminal.expect("wsl --unregister IN");
    terminal.expect("rescue> ");
    terminal.type_in("ls /etc\n");
    terminal.expect("wsl.conf");
    terminal.type_in("exit\n");
    assert_eq!(terminal.end(), 1);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_stopped_terminal_does_not_keep_others_waiting() {
    // Where WSL does not start systemd, the first shell installs.
    let installer = "namespace-installer.tar.gz";
    let Some(sim) = imported_as("a_stopped_terminal_does_not_keep_others_waiting", installer) else { return };
    let mut terminal = Terminal::open(&sim, &["-d", "IN"], 80);
    terminal.expect(" %");
    // ^S: whoever writes to the terminal from here on waits.
    terminal.type_in("\x13");
    let other = version(&sim);
    assert_eq!((other.code, other.out.as_str()), (0, "26.11.standin.7\n"), "{other:?}");
    terminal.type_in("\x11");
    terminal.expect("# ");
    terminal.type_in("exit 4\n");
    assert_eq!(terminal.end(), 4);
}
