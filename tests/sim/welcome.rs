//! The greeting at a user's first login (modules/welcome.nix).
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;

use crate::support::sim::{Sim, image, with_input};
use crate::support::terminal::Terminal;

const NAME: &str = "NixOS";
const GREETING: &str = "Welcome to NixOS on WSL.";

/// What the module adds to /etc/profile, and the first line of its text.
fn module() -> String {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules/welcome.nix");
    let module = fs::read_to_string(module).expect("the module");
    assert!(module.contains(GREETING), "the text has another first line");
    let init = module.split("loginShellInit = ''\n").nth(1).expect("the lines for a login shell");
    let init = init.split("'';").next().expect("their end");
    assert!(!init.contains("${"), "{init}");
    init.into()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn each_user_s_first_login_on_a_terminal_is_greeted_once() {
    let Some(sim) = Sim::for_starts("each_user_s_first_login_on_a_terminal_is_greeted_once") else { return };
    let imported = sim.import(NAME, &image());
    assert_eq!(imported.code, 0, "{imported:?}");
    fs::write(sim.inside(NAME, "etc/welcome"), module()).expect("a file");
    // The activation has put a link of the store's there.
    sim.sh(
        NAME,
        &format!(
            "cat /etc/profile /etc/welcome >/etc/profile.new && mv /etc/profile.new /etc/profile && \
             cd /nix/var/nix/profiles && mkdir -p default/bin && cd default/bin && \
             printf '#!/bin/sh\\necho {GREETING}\\n' >nixos-wsl-welcome && chmod +x nixos-wsl-welcome"
        ),
    );
    let login = |user: &str| {
        let mut terminal = Terminal::open(&sim, &["-d", NAME, "-u", user], 80);
        terminal.type_in("echo I am $(id -un); exit\n");
        let shown = terminal.expect(&format!("I am {user}"));
        assert_eq!(terminal.end(), 0, "{shown}");
        shown.matches(GREETING).count()
    };

    let piped = with_input(&mut sim.command(["-d", NAME, "-u", "nixos"]), b"echo I am $(id -un)\n");
    assert_eq!(piped.out, "I am nixos\n", "a program that reads is not greeted: {piped:?}");
    assert_eq!([login("nixos"), login("nixos")], [1, 0]);
    assert_eq!([login("root"), login("root")], [1, 0], "each user has an own one");
    let owner = sim.sh(NAME, "stat -c %U /home/nixos/.local/state/nixos-wsl/welcomed");
    assert_eq!(owner, "nixos");
}
