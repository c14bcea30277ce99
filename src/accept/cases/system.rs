//! The running system: systemd, the user's manager and session, the clock, mounts, what it says of itself.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::ask::needs;
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// Of a system that runs.
pub const CASES: &[Case] = &[
    Case {
        name: "systemd-running",
        proves: "systemctl is-system-running says running, neither starting nor degraded",
        needs: &[],
        body: |bench| bench.root_script("systemctl is-system-running --wait").prints("running"),
    },
    Case {
        name: "no-failed-unit",
        proves: "No unit of the system has failed",
        needs: &[],
        body: |bench| {
            bench
                .root_script("systemctl list-units --failed --no-legend --plain && cat /proc/1/comm")
                .prints("systemd")
        },
    },
    Case {
        name: "units-verify",
        proves: "systemd-analyze verify finds nothing to say about the default target and all that it starts",
        needs: &[],
        body: |bench| {
            let reply = bench.root_script("systemd-analyze verify --man=no default.target").reply()?;
            if reply.code == 0 && reply.out.is_empty() && reply.err.is_empty() {
                Ok(())
            } else {
                Err(reply.fault("not silent"))
            }
        },
    },
    Case {
        name: "user-manager",
        proves: "The user's own systemd is reached from a command, and runs",
        needs: &[],
        body: |bench| bench.script("systemctl --user is-system-running --wait").prints("running"),
    },
    Case {
        name: "user-service",
        proves: "What a command starts in the background by the user's systemd outlives that command",
        needs: &[],
        body: |bench| {
            bench.script("systemd-run --user --quiet --unit=nixos-wsl-accept sleep 1000").ok()?;
            bench
                .script("systemctl --user is-active nixos-wsl-accept; systemctl --user stop nixos-wsl-accept")
                .prints("active")
        },
    },
    Case {
        name: "runtime-directory",
        proves: "XDG_RUNTIME_DIR is the user's own, with the socket of the user's bus",
        needs: &[],
        body: |bench| {
            bench
                .script(
                    "test $XDG_RUNTIME_DIR = /run/user/$(id -u) && test -S $XDG_RUNTIME_DIR/bus && stat \
                    -c '%U %a' $XDG_RUNTIME_DIR",
                )
                .prints(&format!("{} 700", bench.user()?))
        },
    },
    Case {
        name: "login-session",
        proves: "logind knows a session of the user",
        needs: &[],
        body: |bench| {
            let user = bench.user()?;
            let sessions = bench.script("loginctl list-sessions --no-legend").ok()?;
            let of_user = sessions.lines().any(|line| line.split_whitespace().any(|word| word == user));
            check(of_user, || format!("no session of {user} in {sessions:?}"))
        },
    },
    Case {
        name: "journal",
        proves: "The journal holds this start, and what is written to it now",
        needs: &[],
        body: |bench| {
            let script = "systemd-cat -t nixos-wsl-accept echo written && journalctl --sync && \
                          journalctl -b -t nixos-wsl-accept -o cat -n 1";
            bench.root_script(script).prints("written")
        },
    },
    Case {
        name: "status",
        proves: "nixos-wsl status says that systemd runs, and that the shell is beside it",
        needs: &[],
        body: |bench| {
            let reply = bench.line("nixos-wsl status").reply()?;
            if reply.code == 0 && reply.out.contains("running, and this shell is beside it") {
                Ok(())
            } else {
                Err(reply.fault("not beside a systemd that runs"))
            }
        },
    },
    Case { name: "doctor", proves: "nixos-wsl doctor finds nothing", needs: &[], body: doctor },
    Case {
        name: "clock",
        proves: "The system's clock is within five seconds of this machine's",
        needs: &[],
        body: |bench| {
            let told = bench.exec(&["/run/current-system/sw/bin/date", "+%s"]).ok()?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let near = told.parse::<u64>().is_ok_and(|told| told.abs_diff(now) <= 5);
            check(near, || format!("{told} inside, {now} outside"))
        },
    },
    Case {
        name: "clock-after-sleep",
        proves: "The clock is right after Windows has slept",
        needs: &[],
        body: |_| {
            let lack =
                "no suite puts the machine to sleep: let it sleep, then run --only clock (docs/testing.md)";
            Err(Trouble::CannotRun(lack.into()))
        },
    },
    Case {
        name: "shared-root",
        proves: "Mounts reach what containers have mounted: the root is shared, and /run, /tmp and \
            /nix/store are as they must be",
        needs: &[],
        body: |bench| {
            let script = "findmnt -no PROPAGATION / | cut -d , -f 1 && stat -c '%a %U' /tmp && stat -c '%U' \
                /nix/store && \
                          ! touch /nix/store/.accept 2>/dev/null && echo refused";
            bench.script(script).prints("shared\n1777 root\nroot\nrefused")
        },
    },
    Case {
        name: "os-release",
        proves: "The distribution says that it is NixOS, where WSL, editors and agents look",
        needs: &[],
        body: |bench| {
            bench.exec(&["/bin/sh", "-c", ". /etc/os-release; echo $ID"]).prints("nixos")?;
            let version = bench.line("nixos-version").ok()?;
            check(!version.is_empty(), || "nixos-version says nothing".into())
        },
    },
    Case {
        name: "contract",
        proves: "Every program and file that WSL itself calls or reads is there",
        needs: &[],
        body: contract,
    },
    Case {
        name: "configuration-files",
        proves: "Files that the image was given beside the store are there, root's, and the user can read them",
        needs: &[],
        body: |bench| {
            bench
                .script("cat /etc/nixos/configuration.nix >/dev/null && stat -c '%U:%G' /etc/nixos/configuration.nix")
                .prints("root:root")
        },
    },
    Case {
        name: "extra-files",
        proves: "A file that was laid over the image when it was written (--extra-files) is there, and its owner's (--chown)",
        needs: &[],
        body: |bench| {
            let lack =
                format!("this image was not written with --extra-files for the suite: it has no {EXTRA}");
            needs(bench, &format!("test -e {EXTRA}"), &lack)?;
            bench.script(&format!("cat {EXTRA} && stat -c '%u:%g %a' {EXTRA}")).prints("extra\n1000:100 600")
        },
    },
];

/// What an image can be written with for the suite: `extra`, readable for the user 1000:100 alone.
const EXTRA: &str = "/var/lib/nixos-wsl-accept/extra";

fn doctor(bench: &Bench) -> Result<(), Trouble> {
    let reply = bench.root_line("nixos-wsl doctor --format json").reply()?;
    let Ok(report) = serde_json::from_str::<serde_json::Value>(&reply.out) else {
        return Err(reply.fault("no report"));
    };
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    check(lines.is_empty() && report["facts"].is_object(), || lines.join("\n"))
}

/// The list that the image, the doctor and the simulator are held to.
fn contract(bench: &Bench) -> Result<(), Trouble> {
    let list: serde_json::Value = serde_json::from_str(include_str!("../../wsl/contract.json"))
        .map_err(|error| Trouble::Failed(error.to_string()))?;
    let mut script = String::new();
    for entry in list["paths"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let (Some(path), Some(need)) = (entry["path"].as_str(), entry["need"].as_str()) else { continue };
        let test = match need {
            "program" => "-x",
            "file" => "-f",
            "directory" => "-d",
            _ => continue,
        };
        let _ = writeln!(script, "test {test} {path} || echo {path}");
    }
    bench.root_exec(&["/bin/sh", "-c", &script]).prints("")
}
