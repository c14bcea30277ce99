//! The first command, the second, and those after a restart.

use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// Before everything else.
pub const FIRST: &[Case] = &[
    Case {
        name: "first-run",
        proves: "An image that asks for the user's name at its first start takes it from a file, and that \
            user is WSL's",
        needs: &[],
        body: first_run,
    },
    Case {
        name: "first-command",
        proves: "The first command after the import runs as the user, in an activated system, and nothing \
            is complained of",
        needs: &[],
        body: first_command,
    },
    Case {
        name: "second-command",
        proves: "A second command finds the same systemd and what the first has left",
        needs: &[],
        body: second_command,
    },
];

/// After all that needs no restart.
pub const RESTART: &[Case] = &[
    Case {
        name: "restart",
        proves: "After `wsl --terminate` the next command starts the system again: files stay, /run is new, \
            systemd is up",
        needs: &[],
        body: restart,
    },
    Case {
        name: "restart-at-once",
        proves: "A command right after `wsl --terminate`, twice in a row, has a whole system",
        needs: &[],
        body: restart_at_once,
    },
    Case {
        name: "start-is-counted-as-good",
        proves: "No start so far counts against the generation, and none was passed over",
        needs: &[],
        body: |bench| {
            let reply = bench
                .root_script("nixos-wsl generations; cat /run/nixos-wsl/notice 2>/dev/null; true")
                .reply()?;
            let one = reply.out.lines().filter(|line| line.contains("active, booted, default")).count() == 1;
            check(one && !reply.out.contains("without reaching") && reply.err.is_empty(), || {
                format!("{reply:?}")
            })
        },
    },
];

const MARK: &str = "/run/nixos-wsl-accept";
const KEPT: &str = "/var/lib/nixos-wsl-accept";

/// Later cases have this user, because `--import` asks nobody (W§7).
fn first_run(bench: &Bench) -> Result<(), Trouble> {
    let reply = bench.file("/etc/wsl-distribution.conf").reply()?;
    if !reply.out.contains("defaultUid") {
        return Err(Trouble::CannotRun("this image asks for no user".into()));
    }
    let script = "printf '#cloud-config\\nusers: [first]\\n' >/run/nixos-wsl-accept-user && \
                  nixos-wsl oobe --unattended --answers /run/nixos-wsl-accept-user";
    bench.root_script(script).ok()?;
    bench.wsl.call(["--manage", &bench.name, "--set-default-user", "first"]).ok()?;
    bench.line("id -un ; command -v nixos-version").prints("first\n/run/current-system/sw/bin/nixos-version")
}

fn first_command(bench: &Bench) -> Result<(), Trouble> {
    let reply = bench.line("echo first ; id -u ; readlink /run/current-system").reply()?;
    let lines: Vec<&str> = reply.out.lines().collect();
    let well = matches!(lines[..], ["first", uid, system]
        if uid.parse::<u32>().is_ok_and(|uid| uid >= 1000) && system.starts_with("/nix/store/"));
    if reply.code == 0 && reply.err.is_empty() && well {
        Ok(())
    } else {
        Err(reply.fault("not `first`, the user's number and the system"))
    }
}

fn second_command(bench: &Bench) -> Result<(), Trouble> {
    let state = "systemctl show -P UserspaceTimestampMonotonic";
    let first = bench.root_script(&format!("echo mark >{MARK}; {state}")).ok()?;
    bench
        .root_script(&format!("cat {MARK}; {state}; cat /proc/1/comm"))
        .prints(&format!("mark\n{first}\nsystemd"))
}

fn restart(bench: &Bench) -> Result<(), Trouble> {
    bench
        .root_script(&format!("echo mark >{MARK}; echo kept >{KEPT}; systemctl is-active multi-user.target"))
        .prints("active")?;
    bench.terminate()?;
    let reply = bench.line("echo after ; readlink /run/current-system").reply()?;
    if reply.code != 0 || !reply.err.is_empty() || !reply.out.starts_with("after\n/nix/store/") {
        return Err(reply.fault("not `after` and the system"));
    }
    bench
        .root_script(&format!("systemctl is-system-running --wait; cat {KEPT}; test ! -e {MARK} && echo new"))
        .prints("running\nkept\nnew")
}

fn restart_at_once(bench: &Bench) -> Result<(), Trouble> {
    for _ in 0..2 {
        bench.terminate()?;
        let reply = bench.line("cat /run/current-system/nixos-version").reply()?;
        check(reply.code == 0 && reply.err.is_empty() && !reply.out.is_empty(), || format!("{reply:?}"))?;
    }
    bench.root_script("systemctl is-system-running --wait").prints("running")
}
