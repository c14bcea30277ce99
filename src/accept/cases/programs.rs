//! The environment that programs find: `PATH`, `sudo`, shebangs, users made by hand.

use super::ask::{USER, needs, with_user};
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// Of the environment.
pub const CASES: &[Case] = &[
    Case {
        name: "path-order",
        proves: "PATH has NixOS's wrappers first, the system's programs, and WSL's folders after them, each once",
        needs: &[],
        body: path_order,
    },
    Case {
        name: "path-without-a-login-shell",
        proves: "A login shell below another has the same PATH: nothing is added twice",
        needs: &[],
        body: |bench| {
            let once = bench.script("echo $PATH").ok()?;
            check(once.contains("/run/current-system/sw/bin"), || once.clone())?;
            bench.script("$SHELL -l -c 'echo $PATH'").prints(&once)
        },
    },
    Case {
        name: "sudo",
        proves: "sudo is the one with its setuid bit, and makes the user root",
        needs: &[],
        body: |bench| {
            bench.line("command -v sudo").prints("/run/wrappers/bin/sudo")?;
            let reply = bench.line("sudo -n id -u").reply()?;
            if reply.err.contains("password is required") {
                return Err(Trouble::CannotRun("sudo asks for a password in this image".into()));
            }
            reply.ends(0, "0")
        },
    },
    Case {
        name: "shebangs",
        proves: "Scripts for #!/bin/sh, #!/bin/bash and #!/usr/bin/env run, in a NixOS",
        needs: &[],
        body: |bench| {
            let script = "d=$(mktemp -d) && cd $d && for p in /bin/sh /bin/bash '/usr/bin/env bash'; do \
                printf '#!%s\\nreadlink -f /proc/$$/exe | cut -c 1-11\\n' \"$p\" >s; chmod +x s; ./s; done; rm -r $d";
            bench.script(script).prints("/nix/store/\n/nix/store/\n/nix/store/")
        },
    },
    Case {
        name: "system-calls",
        proves: "C's system(), which is /bin/sh -c with whatever environment, finds the system's programs",
        needs: &[],
        body: |bench| {
            bench
                .exec(&["/usr/bin/env", "-i", "/bin/sh", "-c", "nixos-version >/dev/null && echo found"])
                .prints("found")
        },
    },
    Case {
        name: "tool",
        proves: "/bin/nixos-wsl starts with an empty environment, from no folder of the store",
        needs: &[],
        body: |bench| {
            let said = bench.root_exec(&["/bin/nixos-wsl", "--version"]).ok()?;
            check(said.starts_with("nixos-wsl "), || said.clone())
        },
    },
    Case {
        name: "user-made-by-hand",
        proves: "A user made with useradd has a wrapped login shell and the system's environment at once",
        needs: &[],
        body: user_made_by_hand,
    },
];

fn path_order(bench: &Bench) -> Result<(), Trouble> {
    let path = bench.script("echo $PATH").ok()?;
    let folders: Vec<&str> = path.split(':').collect();
    let place = |folder: &str| folders.iter().position(|found| *found == folder);
    let order = [place("/run/wrappers/bin"), place("/run/current-system/sw/bin")];
    check(order[0] == Some(0) && order[1] > order[0], || format!("not NixOS's order: {path}"))?;
    let twice = folders.iter().enumerate().find(|(index, folder)| folders[..*index].contains(folder));
    check(twice.is_none(), || format!("{twice:?} is there twice: {path}"))?;
    let windows = folders.iter().position(|folder| folder.starts_with("/mnt/"));
    check(windows.is_none_or(|windows| Some(windows) > order[1]), || format!("Windows comes first: {path}"))
}

fn user_made_by_hand(bench: &Bench) -> Result<(), Trouble> {
    needs(bench, "command -v useradd >/dev/null", "this image has no useradd")?;
    let line = "id -un ; command -v nixos-version ; pwd";
    let (shell, found) = with_user(bench, "", || {
        let shell = bench.root_script(&format!("getent passwd {USER} | cut -d : -f 7")).ok();
        (shell, bench.wsl.call(["--cd", "~", "-d", &bench.name, "-u", USER, "--"]).line(line).reply())
    })?;
    let shell = shell?;
    check(shell.starts_with("/usr/lib/nixos-wsl/shells/"), || format!("the shell is {shell}"))?;
    found?.ends(0, &format!("{USER}\n/run/current-system/sw/bin/nixos-version\n/home/{USER}"))
}
