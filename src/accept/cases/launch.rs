//! How wsl.exe starts a process: exit codes, arguments, streams, directory, environment, user.

use sha2::{Digest, Sha256};

use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};
use crate::accept::console;
use crate::digest::hexadecimal;

/// A program that the system has and no other root.
const BASH: &str = "/run/current-system/sw/bin/bash";

/// Of a start of a process.
pub const CASES: &[Case] = &[
    Case {
        name: "exit-code-of-a-line",
        proves: "Exit codes of a line come through the login shell of NixOS and wsl.exe as they are",
        needs: &[],
        body: |bench| {
            for code in [0, 1, 42, 254] {
                let line = format!("test -e /run/current-system/nixos-version || exit 99 ; exit {code}");
                bench.line(&line).reply()?.ends(code, "")?;
            }
            Ok(())
        },
    },
    Case {
        name: "exit-code-of-a-program",
        proves: "Exit codes of a program that is started without a shell come through",
        needs: &[],
        body: |bench| {
            for code in [0, 1, 42, 254] {
                bench.exec(&[BASH, "-c", &format!("exit {code}")]).reply()?.ends(code, "")?;
            }
            Ok(())
        },
    },
    Case {
        name: "exit-code-of-a-signal",
        proves: "A program that a signal ends does not look like one that succeeded",
        needs: &[],
        body: |bench| {
            let reply = bench.exec(&[BASH, "-c", "echo begun; kill -TERM $$"]).reply()?;
            check(reply.code != 0 && reply.out == "begun\n", || format!("{reply:?}"))
        },
    },
    Case {
        name: "arguments",
        proves: "Blanks, quotes, backslashes, dollars and other letters arrive as they were given",
        needs: &[],
        body: |bench| {
            let given = [
                "a b", "\"", "a\"b c", "'", "$HOME", "`id`", "\\", "a\\", "a b\\", "grün→", "*", ";", "--",
                "%PATH%",
            ];
            let printf = ["/run/current-system/sw/bin/printf", "[%s]"];
            bench.exec(&[&printf[..], &given].concat()).prints(&format!("[{}]", given.join("][")))
        },
    },
    Case {
        name: "line-is-the-shells",
        proves: "A line's quotes, variables and semicolons are read by the user's shell, once",
        needs: &[],
        body: |bench| {
            let user = bench.user()?;
            bench
                .line("printf '[%s]' 'a b' $USER '$USER' ; echo ; readlink -f $SHELL | cut -c 1-11")
                .prints(&format!("[a b][{user}][$USER]\n/nix/store/"))
        },
    },
    Case {
        name: "streams",
        proves: "A megabyte of bytes reaches a program's standard input as it is, and its output comes back",
        needs: &[],
        body: streams,
    },
    Case {
        name: "error-stream",
        proves: "Standard output and standard error stay apart, through the login shell",
        needs: &[],
        body: |bench| {
            let reply = bench.line("echo output ; readlink -f /proc/$$/exe >&2").reply()?;
            check(reply.out == "output\n" && reply.err.starts_with("/nix/store/"), || format!("{reply:?}"))
        },
    },
    Case {
        name: "no-input",
        proves: "A program without standard input reads its end at once",
        needs: &[],
        body: |bench| bench.exec(&[BASH, "-c", "cat; echo end"]).prints("end"),
    },
    Case {
        name: "console",
        proves: "On a console, a login shell has a terminal of the console's size, reads what is typed there, and its exit \
            code comes back",
        needs: &[],
        body: |bench| {
            let script = "echo \"[$(stty size) $(readlink /run/current-system | cut -c 1-11)]\"; exit 42";
            let reply =
                bench.wsl.call(["-d", &bench.name]).on_console(&format!("exec sh -c '{script}'\r"))?;
            let (lines, columns) = console::SIZE;
            let shown = reply.out.contains(&format!("[{lines} {columns} /nix/store/]"));
            check(reply.code == 42 && shown, || format!("{reply:?}"))
        },
    },
    Case {
        name: "home",
        proves: "`--cd ~` is the user's home, which is the user's own, and the shell there has NixOS's PATH",
        needs: &[],
        body: |bench| {
            let user = bench.user()?;
            bench
                .wsl
                .call(["--cd", "~", "-d", &bench.name, "--"])
                .line("pwd ; stat -c %U . ; echo $HOME ; command -v nixos-version")
                .prints(&format!(
                    "/home/{user}\n{user}\n/home/{user}\n/run/current-system/sw/bin/nixos-version"
                ))
        },
    },
    Case {
        name: "directory",
        proves: "`--cd` with a path of the distribution is the directory of the command",
        needs: &[],
        body: |bench| {
            bench.wsl.call(["--cd", "/nix/store", "-d", &bench.name, "--"]).line("pwd").prints("/nix/store")
        },
    },
    Case {
        name: "given-variables",
        proves: "Variables that WSLENV names arrive beside those of NixOS",
        needs: &[],
        body: |bench| {
            let reply = bench
                .line("echo $ACCEPT_GIVEN ; echo $NIX_PROFILES$__NIXOS_SET_ENVIRONMENT_DONE")
                .variable("WSLENV", "ACCEPT_GIVEN/u")
                .variable("ACCEPT_GIVEN", "a value")
                .reply()?;
            let mut lines = reply.out.lines();
            let given = lines.next() == Some("a value");
            check(given && lines.next().is_some_and(|line| !line.is_empty()), || format!("{reply:?}"))
        },
    },
    Case {
        name: "name-of-the-distribution",
        proves: "WSL_DISTRO_NAME and WSL_INTEROP reach commands through the login shell",
        needs: &[],
        body: |bench| {
            bench
                .script(
                    "echo $WSL_DISTRO_NAME; test -S $WSL_INTEROP && echo socket; readlink -f $SHELL | \
                    cut -c 1-11",
                )
                .prints(&format!("{}\nsocket\n/nix/store/", bench.name))
        },
    },
    Case {
        name: "root",
        proves: "`-u root` is root, with NixOS's environment and home",
        needs: &[],
        body: |bench| {
            bench
                .root_line("id -u ; echo $HOME ; command -v nixos-version")
                .prints("0\n/root\n/run/current-system/sw/bin/nixos-version")
        },
    },
    Case {
        name: "umask",
        proves: "Files that a command makes have the mode that NixOS gives, and the user's group; and the \
            user is one of wheel, who may become root",
        needs: &[],
        body: |bench| {
            let user = bench.user()?;
            bench
                .script(
                    "cd && rm -f .accept && : >.accept && stat -c '%a %U %G' .accept; rm .accept; id \
                    -Gn | tr ' ' '\\n' | grep -x wheel",
                )
                .prints(&format!("644 {user} users\nwheel"))
        },
    },
];

fn streams(bench: &Bench) -> Result<(), Trouble> {
    let mut seed = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(1 << 20)
    .collect();
    let sum = hexadecimal(&Sha256::digest(&bytes));
    let line = "tee /dev/null | /run/current-system/sw/bin/sha256sum";
    bench.line(line).input(bytes).prints(&format!("{sum}  -"))
}
