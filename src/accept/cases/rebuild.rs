//! `nixos-rebuild` in the distribution: unchanged, changed, for the next start, and back.

use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// The user that a configuration makes.
const USER: &str = "accept";

/// Of changes of the configuration.
pub const CASES: &[Case] = &[
    Case {
        name: "rebuild-unchanged",
        proves: "`nixos-rebuild switch` of the image's own configuration works, without a network, and \
            changes nothing",
        needs: &[],
        body: |bench| {
            let system = bench.root_script("readlink -f /run/current-system").ok()?;
            let said = bench.root_script("nixos-rebuild switch 2>&1").ok()?;
            let now = bench
                .root_script("readlink -f /run/current-system; systemctl is-system-running --wait")
                .ok()?;
            check(now == format!("{system}\nrunning"), || format!("{system} became {now}\n{said}"))
        },
    },
    Case {
        name: "rebuild-changed",
        proves: "A changed configuration is switched to while shells run, and its file is there",
        needs: &[],
        body: |bench| {
            configure(bench, "environment.etc.\"nixos-wsl-accept\".text = \"changed\\n\";")?;
            let switched = bench.root_script("nixos-rebuild switch 2>&1").ok();
            let found = bench
                .script("cat /etc/nixos-wsl-accept; systemctl is-system-running --wait")
                .prints("changed\nrunning");
            restore(bench)?;
            switched?;
            found
        },
    },
    Case {
        name: "rebuild-another-user",
        proves: "After `nixos-rebuild boot` with another default user one restart is enough, and so it is \
            for the way back",
        needs: &[],
        body: another_user,
    },
    Case {
        name: "older-generation-once",
        proves: "`nixos-wsl boot N --once` starts that generation, and the next start is the default's again",
        needs: &[],
        body: |bench| {
            configure(bench, "environment.etc.\"nixos-wsl-accept\".text = \"newer\\n\";")?;
            let switched = bench.root_script("nixos-rebuild switch 2>&1").ok();
            restore(bench)?;
            switched?;
            bench.root_script("nixos-wsl boot 1 --once").ok()?;
            bench.terminate()?;
            bench.line("cat /etc/nixos-wsl-accept || echo older").prints("older")?;
            bench.terminate()?;
            bench.line("cat /etc/nixos-wsl-accept").prints("newer")
        },
    },
    Case {
        name: "rollback",
        proves: "The generation before is switched to, and what the newer one had brought is gone",
        needs: &[],
        body: |bench| {
            let script = "nix-env -p /nix/var/nix/profiles/system --switch-generation 1 2>&1 && \
                          /nix/var/nix/profiles/system/bin/switch-to-configuration switch 2>&1";
            bench.root_script(script).ok()?;
            bench
                .root_script(
                    "test ! -e /etc/nixos-wsl-accept && readlink /nix/var/nix/profiles/system; \
                    systemctl is-system-running --wait",
                )
                .prints("system-1-link\nrunning")
        },
    },
];

/// Adds to the configuration; the former one is kept beside it.
fn configure(bench: &Bench, text: &str) -> Result<(), Trouble> {
    let module = format!("{{ lib, ... }}: {{ imports = [ ./accept-before.nix ]; {text} }}");
    let script = format!(
        "set -e\ncd /etc/nixos\n[ -e accept-before.nix ] || cp -a configuration.nix accept-before.nix\n\
         cat >configuration.nix <<'END'\n{module}\nEND\n"
    );
    bench.root_script(&script).ok().map(drop)
}

/// Has the configuration as the image brought it.
fn restore(bench: &Bench) -> Result<(), Trouble> {
    bench.root_script("cd /etc/nixos && mv accept-before.nix configuration.nix").ok().map(drop)
}

fn another_user(bench: &Bench) -> Result<(), Trouble> {
    let before = bench.user()?;
    let text = format!(
        "wsl.distribution.oobe.askForUser = lib.mkForce false; wsl.defaultUser = lib.mkForce \"{USER}\"; \
          users.users.{USER} = {{ isNormalUser = true; uid = 1999; }};"
    );
    configure(bench, &text)?;
    let booted = bench.root_script("nixos-rebuild boot 2>&1").ok();
    let still = bench.user();
    bench.terminate()?;
    let after = bench.line("id -un ; command -v nixos-version").reply();
    restore(bench)?;
    bench.root_script("nixos-rebuild boot 2>&1").ok()?;
    bench.terminate()?;
    booted?;
    check(still? == before, || "the user changed before the restart".into())?;
    after?.ends(0, &format!("{USER}\n/run/current-system/sw/bin/nixos-version"))?;
    let last = bench.user()?;
    check(last == before, || format!("the user is {last}, not {before} again"))
}
