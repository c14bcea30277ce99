//! Setuid programs that call `system()`, run a `#!/bin/sh` helper, or start another name of `/bin`, with what their caller
//! hands over: they get what they asked for.
#![cfg(feature = "sim")]

use crate::attacker::{IMAGES, WORDS, beside, outside, world};

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_setuid_program_runs_what_it_asked_for() {
    for image in IMAGES {
        let Some(sim) = world("a_setuid_program_runs_what_it_asked_for", image) else { return };
        for what in ["system", "script", "mount", "login"] {
            let plain = outside(&sim, "nixos", &format!("exec env -i /opt/victim {what}"));
            match what {
                "system" => assert_eq!((plain.code, plain.out.as_str()), (0, "status 3\n"), "{plain:?}"),
                "script" => assert_eq!((plain.code, plain.out.as_str()), (5, "helper of 0\n"), "{plain:?}"),
                "mount" => assert!(plain.out.contains("util-linux"), "{plain:?}"),
                _ => assert!(plain.err.starts_with("Usage: login"), "{plain:?}"),
            }
            for word in WORDS {
                let line = format!("exec env -i /opt/attacker {word} /opt/victim {what}");
                for (place, attacked) in [
                    ("outside", outside(&sim, "nixos", &line)),
                    ("beside systemd", beside(&sim, image, "nixos", &line)),
                ] {
                    let attacked = (attacked.code, attacked.out, attacked.err);
                    let plain = (plain.code, plain.out.clone(), plain.err.clone());
                    assert_eq!(attacked, plain, "{image}, {place}: {what} with {word}");
                }
            }
        }
    }
}

/// Resources and signals are the caller's to choose, what runs is not: the command runs as it was written, or not at all
/// and with an exit code that says so.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn no_limit_or_signal_makes_a_command_succeed_that_did_not_run() {
    for image in IMAGES {
        let test = "no_limit_or_signal_makes_a_command_succeed_that_did_not_run";
        let Some(sim) = world(test, image) else { return };
        let limits =
            ["-n 3", "-n 0", "-f 0", "-u 0", "-v 20000", "-v 1000", "-s 16", "-s 4", "-t 0", "-l 0", "-i 0"];
        let limits = limits.map(|limit| format!("ulimit {limit}"));
        let signals = ["HUP INT QUIT TERM PIPE ALRM USR1 USR2 TSTP TTIN TTOU", "CHLD", "SEGV BUS ILL FPE"];
        let signals = signals.map(|names| format!("trap '' {names}"));
        let streams = ["exec 0<&-", "exec 2>&-", "exec 0<&- 2>&-"].map(str::to_owned);
        for setting in limits.into_iter().chain(signals).chain(streams) {
            let line = format!("{setting}; exec /opt/attacker print /opt/victim script");
            let ended = outside(&sim, "nixos", &line);
            // A limit may end the helper's own `id` alone.
            let ran = ended.code == 5 && ["helper of 0\n", "helper of\n"].contains(&ended.out.as_str());
            assert!(ran || ended.code != 0 && ended.out.is_empty(), "{image}: {setting}: {ended:?}");
        }
    }
}
