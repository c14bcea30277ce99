//! Who has a wrapped shell can log in: users without a number in the configuration, and those made at run time.
#![cfg(feature = "sim")]

use std::fs;

use crate::support::sim::Sim;

const NAME: &str = "NixOS";
const SHELLS: &str = "/usr/lib/nixos-wsl/shells";
const ACTIVATE: &str = "/run/current-system/activate >/dev/null";

/// The ways that start the shell of `/etc/passwd`.
fn logs_in(sim: &Sim, user: &str) {
    let own = sim.run(["-d", NAME, "-u", user, "--", "id", "-un"]);
    assert_eq!((own.out.trim(), own.err.as_str(), own.code), (user, "", 0));
    for way in ["su - USER -c 'id -un'", "runuser -l USER -c 'id -un'", "su USER -c 'id -un'"] {
        assert_eq!(sim.sh(NAME, &way.replace("USER", user)), user, "{way}");
    }
}

fn shell(sim: &Sim, user: &str) -> String {
    let line = sim.sh(NAME, &format!("grep ^{user}: /etc/passwd"));
    line.rsplit(':').next().expect("a shell").into()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_user_without_a_number_logs_in() {
    let Some(sim) = Sim::with_image("a_user_without_a_number_logs_in") else { return };
    // The first start finds the number; before it, the image has no line and the wrapper all the same.
    let passwd = fs::read_to_string(sim.inside(NAME, "etc/passwd")).expect("passwd");
    assert!(!passwd.contains("bob"), "{passwd}");
    let wrapper = sim.inside(NAME, &format!("{SHELLS}/bob/bash"));
    assert!(wrapper.is_file());
    sim.sh(NAME, "true");
    assert_eq!(shell(&sim, "bob"), format!("{SHELLS}/bob/bash"));
    logs_in(&sim, "bob");
    // Every activation makes sure of it.
    fs::remove_dir_all(wrapper.parent().expect("a folder")).expect("the wrapper");
    sim.sh(NAME, ACTIVATE);
    logs_in(&sim, "bob");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn users_made_at_run_time_log_in() {
    let Some(sim) = Sim::with_image("users_made_at_run_time_log_in") else { return };
    sim.sh(NAME, "useradd --create-home carol");
    let shared = format!("{SHELLS}/@bash/bash");
    assert_eq!(shell(&sim, "carol"), shared);
    logs_in(&sim, "carol");
    // As `chsh` and `usermod -s` may: whatever wrapper a line names is there after the next activation.
    let own = format!("{SHELLS}/carol/bash");
    sim.sh(NAME, &format!("usermod -s {own} carol 2>/dev/null; {ACTIVATE}"));
    assert_eq!(shell(&sim, "carol"), own);
    logs_in(&sim, "carol");
    sim.sh(NAME, &format!("usermod -s {shared} carol; {ACTIVATE}"));
    assert!(!sim.inside(NAME, &format!("{SHELLS}/carol")).exists(), "nobody's wrapper is left");
    sim.sh(NAME, &format!("userdel carol; {ACTIVATE}"));
    assert!(sim.inside(NAME, &shared).is_file(), "the wrapper of whoever comes next");
    // In a system that starts anew as well.
    sim.sh(NAME, "useradd --create-home dave");
    sim.ok(["-t", NAME]);
    logs_in(&sim, "dave");
}
