//! Every way to a login shell, with variables and descriptors of an attacker's: the shell does what it was started for.
#![cfg(feature = "sim")]

use crate::attacker::{IMAGES, SHELL, WORDS, beside, outside, world};

/// What starts a login shell of the user `nixos` and gives it a command.
const WAYS: [&str; 9] = [
    "su nixos -c",
    "su - nixos -c",
    "su --whitelist-environment=NIXOS_WSL_RESUME - nixos -c",
    "runuser nixos -c",
    "runuser -l nixos -c",
    "sudo -E -u nixos -s sh -c",
    "sudo -u nixos -i sh -c",
    "sudo -E -u nixos /usr/lib/nixos-wsl/shells/nixos/bash -c",
    "setpriv --reuid=1000 --regid=100 --clear-groups /usr/lib/nixos-wsl/shells/nixos/bash -c",
];

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn every_login_gives_a_plain_shell() {
    for image in IMAGES {
        let Some(sim) = world("every_login_gives_a_plain_shell", image) else { return };
        for way in WAYS {
            // A loop inside, because every start of WSL's costs more than a shell.
            let line = format!(
                "for word in {}; do /opt/attacker $word /run/current-system/sw/bin/{way} 'echo I am $(id -u); exit 7'; echo code $?; done",
                WORDS.join(" ")
            );
            let plain = "I am 1000\ncode 7\n".repeat(WORDS.len());
            for (place, attacked) in [
                // First, because in namespace mode it starts the system that the other needs.
                ("beside systemd", beside(&sim, image, "root", &line)),
                ("outside", outside(&sim, "root", &line)),
            ] {
                assert_eq!(attacked.out, plain, "{image}, {place}: {way}: {attacked:?}");
            }
        }
    }
}

/// A user's own shells too: what another program left in the environment is no order.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_user_s_own_shells_are_plain() {
    for image in IMAGES {
        let Some(sim) = world("a_user_s_own_shells_are_plain", image) else { return };
        for program in [SHELL, "/bin/sh"] {
            for word in WORDS {
                let line = format!("exec /opt/attacker {word} {program} -c 'echo I am $(id -u); exit 7'");
                for attacked in [outside(&sim, "nixos", &line), beside(&sim, image, "nixos", &line)] {
                    assert_eq!(
                        (attacked.code, attacked.out.as_str(), attacked.err.as_str()),
                        (7, "I am 1000\n", ""),
                        "{image}: {program} with {word}"
                    );
                }
            }
        }
    }
}

/// In namespace mode a shell goes inside whatever variables say.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn no_variable_keeps_a_shell_outside() {
    let Some(sim) = world("no_variable_keeps_a_shell_outside", IMAGES[1]) else { return };
    for word in WORDS {
        let line = format!("exec /opt/attacker {word} {SHELL} -c 'cat /proc/1/comm'");
        assert_eq!(outside(&sim, "nixos", &line).out, "systemd\n", "{word}");
    }
}
