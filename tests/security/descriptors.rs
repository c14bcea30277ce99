//! The first program of a session believes root's record alone, and has no rights to give away.
#![cfg(feature = "sim")]

use crate::attacker::{IMAGES, beside, outside, world};

const SESSION: &str = "/usr/lib/nixos-wsl/bin/nixos-wsl-session";

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_record_that_is_not_root_s_is_not_taken() {
    let Some(sim) = world("a_record_that_is_not_root_s_is_not_taken", IMAGES[1]) else { return };
    let refusal = "nixos-wsl-session: only nixos-wsl-enter starts this program\n";
    for place in ["foreground", "background"] {
        for task in ["login", "enter", "exec"] {
            let line = format!("exec /opt/attacker {place} {SESSION} inside {task} {place} /bin/sh");
            for attacked in [outside(&sim, "nixos", &line), beside(&sim, IMAGES[1], "nixos", &line)] {
                assert_eq!(
                    (attacked.code, attacked.out.as_str(), attacked.err.as_str()),
                    (1, "", refusal),
                    "{line}"
                );
            }
        }
    }
    for arguments in ["", "inside", "inside login", "inside login foreground", "x", "-c true"] {
        let attacked = outside(&sim, "nixos", &format!("exec {SESSION} {arguments}"));
        assert_eq!((attacked.code, attacked.err.as_str()), (64, refusal), "{arguments}");
    }
    let modes = outside(&sim, "root", "stat -c '%a %u %g' /usr/lib/nixos-wsl/bin/*");
    assert_eq!(modes.out, "4755 0 0\n755 0 0\n");
}
