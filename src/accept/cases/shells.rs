//! Login shells: each has the environment, whatever its language; the option `login_shell`; home-manager's variables.

use super::ask::{USER, needs, with_user};
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

/// A case for one shell.
macro_rules! shell {
    ($name:literal) => {
        Case {
            name: concat!("shell-", $name),
            proves: concat!(
                "A user whose login shell is ",
                $name,
                " has that in $SHELL, NixOS's PATH and exit codes"
            ),
            needs: &[],
            body: |bench| login_shell(bench, $name),
        }
    };
}

/// Of login shells.
pub const CASES: &[Case] = &[
    shell!("bash"),
    shell!("zsh"),
    shell!("dash"),
    shell!("ksh"),
    shell!("mksh"),
    shell!("yash"),
    shell!("fish"),
    shell!("pwsh"),
    shell!("nu"),
    shell!("xonsh"),
    Case {
        name: "login-option",
        proves: "The shell of `wsl` without a command knows that it is a login shell, and is the one of the user",
        needs: &[],
        body: |bench| {
            needs_bash(bench)?;
            let reply = bench
                .wsl
                .call(["-d", &bench.name])
                .input("shopt -q login_shell && echo login $(readlink -f $SHELL)\nexit 7\n")
                .reply()?;
            let shown = reply.out.lines().any(|line| line.starts_with("login /nix/store/"));
            check(reply.code == 7 && shown, || format!("{reply:?}"))
        },
    },
    Case {
        name: "login-by-shell-type",
        proves: "`--shell-type login` gives a command a login shell, and a command has none without it",
        needs: &[],
        body: |bench| {
            needs_bash(bench)?;
            bench
                .wsl
                .call(["-d", &bench.name, "--shell-type", "login", "--"])
                .line("shopt -q login_shell && echo login")
                .prints("login")?;
            bench.line("shopt -q login_shell || basename $SHELL").prints("bash")
        },
    },
    Case {
        name: "home-manager",
        proves: "Session variables of home-manager are those of a login shell, by way of the user's own profile",
        needs: &[],
        body: |bench| {
            let condition = "f=etc/profile.d/hm-session-vars.sh; test -e ~/.nix-profile/$f || \
                test -e ~/.local/state/nix/profile/$f || test -e /etc/profiles/per-user/$(id -un)/$f";
            needs(bench, condition, "this image's user has no home-manager")?;
            bench
                .wsl
                .call(["-d", &bench.name, "--shell-type", "login", "--"])
                .line("echo $__HM_SESS_VARS_SOURCED")
                .prints("1")
        },
    },
];

/// What is asked in bash's words is asked of bash alone. The login shell is the one that WSL reads.
fn needs_bash(bench: &Bench) -> Result<(), Trouble> {
    let user = bench.user()?;
    let passwd = bench.file("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(&user));
    let shell = line.and_then(|line| line.rsplit(':').next()).unwrap_or_default();
    check(shell.starts_with("/usr/lib/nixos-wsl/shells/"), || format!("{user}'s shell is {shell:?}"))?;
    if shell.ends_with("/bash") {
        Ok(())
    } else {
        Err(Trouble::CannotRun("the default user's shell is not bash".into()))
    }
}

/// Whoever has that shell, or a user made for it.
fn login_shell(bench: &Bench, name: &str) -> Result<(), Trouble> {
    let passwd = bench.file("/etc/passwd").ok()?;
    check(passwd.contains("/usr/lib/nixos-wsl/shells/"), || "nobody's login shell is wrapped".into())?;
    let has = |line: &&str| line.starts_with(&format!("{USER}:")) || line.ends_with(&format!("/{name}"));
    let owner = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let uid = |line: &str| line.split(':').nth(2).and_then(|uid| uid.parse::<u32>().ok()).unwrap_or_default();
    if let Some(line) = passwd.lines().find(|line| has(line) && uid(line) >= 1000) {
        return tried(bench, name, &owner(line));
    }
    let wrapper = format!("/usr/lib/nixos-wsl/shells/@{name}/{name}");
    let lack = format!("this image has no {name}: environment.shells adds it");
    needs(bench, &format!("test -x {wrapper}"), &lack)?;
    with_user(bench, &format!("-s {wrapper}"), || tried(bench, name, USER))?
}

/// Words that every shell's language has.
fn tried(bench: &Bench, name: &str, user: &str) -> Result<(), Trouble> {
    let line = |line: &str| bench.wsl.call(["-d", &bench.name, "-u", user, "--"]).line(line);
    let shell = line("printenv SHELL").ok()?;
    check(shell.ends_with(&format!("/{name}")) && !shell.starts_with("/usr/lib/nixos-wsl/"), || {
        format!("SHELL is {shell}")
    })?;
    let path = line("printenv PATH").ok()?;
    check(path.starts_with("/run/wrappers/bin:") && path.contains(":/run/current-system/sw/bin"), || {
        format!("PATH is {path}")
    })?;
    line("exit 3").reply()?.ends(3, "")
}
