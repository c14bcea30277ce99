//! Calls of programs that have WSL modes: VS Code and other editors, Docker Desktop's set-up, coding agents.

use super::ask::needs;
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// Of other programs' calls.
pub const CASES: &[Case] = &[
    Case {
        name: "tools-without-a-shell",
        proves: "Programs that editors start by name and without a shell are found in WSL's own folders, \
            and are the system's",
        needs: &[],
        body: |bench| {
            for program in ["uname", "dirname", "readlink", "mkdir", "cp", "cat", "rm", "id"] {
                let script = "readlink -f $(command -v $0) | cut -c 1-11";
                let path = "/usr/local/bin:/bin:/usr/bin";
                bench
                    .exec(&["/usr/bin/env", &format!("PATH={path}"), "/bin/sh", "-c", script, program])
                    .prints("/nix/store/")?;
            }
            let machine = bench.exec(&["uname", "-m"]).ok()?;
            check(["x86_64", "aarch64"].contains(&machine.as_str()), || machine.clone())
        },
    },
    Case {
        name: "vscode-probe",
        proves: "VS Code's first call, a script for bash by a pipe without a login shell, is answered by NixOS",
        needs: &[],
        body: |bench| {
            let script = "uname -s\nuname -m >/dev/null || exit 1\n. /etc/os-release\necho $ID\nmkdir -p \
                ~/.vscode-accept && \
                          rmdir ~/.vscode-accept && echo $WSL_DISTRO_NAME\n";
            bench
                .wsl
                .call(["-d", &bench.name, "-e", "bash", "-s"])
                .input(script)
                .prints(&format!("Linux\nnixos\n{}", bench.name))
        },
    },
    Case {
        name: "vscode-server",
        proves: "A program for other Linux systems, as VS Code's server, starts by the loader at its usual path",
        needs: &[],
        body: |bench| {
            let loader = if cfg!(target_arch = "aarch64") {
                "/lib/ld-linux-aarch64.so.1"
            } else {
                "/lib64/ld-linux-x86-64.so.2"
            };
            needs_file(bench, loader, "wsl.vscode.enable")?;
            bench.exec(&[loader, "--version"]).ok().map(drop)
        },
    },
    Case {
        name: "vscode-tools",
        proves: "The programs with which VS Code, JetBrains and Zed fetch and unpack their servers are in /bin",
        needs: &[],
        body: |bench| {
            needs_file(bench, "/bin/wget", "wsl.vscode.enable")?;
            bench.exec(&["/bin/sh", "-c", "cd /bin && ls curl getent git unzip wget xz tar"]).ok().map(drop)
        },
    },
    Case {
        name: "docker-desktop",
        proves: "The programs that Docker Desktop's set-up calls as root are where it calls them, and the \
            group docker is there",
        needs: &[],
        body: |bench| {
            needs_file(bench, "/bin/groupadd", "wsl.docker-desktop.enable")?;
            let script = "for p in cat whoami install mv usermod groupadd; do test -x /bin/$p || echo no \
                $p; done; whoami";
            bench.root_exec(&["sh", "-c", script]).prints("root")?;
            bench.root_script("getent group docker | cut -d : -f 1").prints("docker")
        },
    },
    Case {
        name: "agents-login-shell",
        proves: "bash -lc, by which coding agents start commands, has the system's programs from an empty \
            environment",
        needs: &[],
        body: |bench| {
            let user = bench.user()?;
            let home = format!("HOME=/home/{user}");
            bench
                .exec(&[
                    "/usr/bin/env",
                    "-i",
                    &home,
                    "PATH=/usr/bin:/bin",
                    "/bin/bash",
                    "-lc",
                    "command -v systemctl",
                ])
                .prints("/run/current-system/sw/bin/systemctl")
        },
    },
    Case {
        name: "agents-plain-shell",
        proves: "sh -c and bash -c with the PATH of a few folders, as agents and their tools call them, \
            find the system's programs",
        needs: &[],
        body: |bench| {
            for shell in ["/bin/sh", "/bin/bash"] {
                let script = "test -d /nix/store && id -un && uname -s";
                bench
                    .exec(&["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", shell, "-c", script])
                    .prints(&format!("{}\nLinux", bench.user()?))?;
            }
            Ok(())
        },
    },
    Case {
        name: "agents-terminal",
        proves: "A program on a terminal of its own, as agents' tools give it, has the user's shell and its session",
        needs: &[],
        body: |bench| {
            needs(bench, "command -v script >/dev/null", "this image has no `script`")?;
            let script = "script -qec 'tty >/dev/null && readlink -f $SHELL' /dev/null";
            let reply = bench.script(script).reply()?;
            let out = reply.out.trim().to_owned();
            check(out.starts_with("/nix/store/"), || format!("{reply:?}"))
        },
    },
];

/// What an option brings is not tried where the option is off.
fn needs_file(bench: &Bench, path: &str, option: &str) -> Result<(), Trouble> {
    needs(bench, &format!("test -e {path}"), &format!("{option} is off in this image: it has no {path}"))
}
