//! Login shells: each has the environment, whatever its language; the option `login_shell`; home-manager's variables.

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
            if !shell_of(bench, &bench.user()?)?.ends_with("/bash") {
                return Err(Trouble::CannotRun("the default user's shell is not bash".into()));
            }
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
            if !shell_of(bench, &bench.user()?)?.ends_with("/bash") {
                return Err(Trouble::CannotRun("the default user's shell is not bash".into()));
            }
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
        proves: "Session variables of home-manager reach a command",
        needs: &[],
        body: |bench| {
            let script = "for d in ~/.nix-profile ~/.local/state/nix/profile /etc/profiles/per-user/$(id -un); do \
                test -e $d/etc/profile.d/hm-session-vars.sh && echo $d; done; cat /run/current-system/nixos-version";
            let reply = bench.script(script).reply()?;
            if reply.code != 0 {
                return Err(reply.fault("no NixOS runs"));
            }
            if reply.out.lines().count() < 2 {
                return Err(Trouble::CannotRun("this image's user has no home-manager".into()));
            }
            bench.line("echo $__HM_SESS_VARS_SOURCED").prints("1")
        },
    },
];

/// The login shell of a user, as WSL reads it.
fn shell_of(bench: &Bench, user: &str) -> Result<String, Trouble> {
    let passwd =
        bench.root_exec(&["/bin/sh", "-c", "while read -r line; do echo $line; done </etc/passwd"]).ok()?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user));
    let shell = line.and_then(|line| line.rsplit(':').next()).unwrap_or_default();
    check(shell.starts_with("/usr/lib/nixos-wsl/shells/"), || format!("{user}'s shell is {shell:?}"))?;
    Ok(shell.to_owned())
}

/// Whoever has that shell, or a user made for it.
fn login_shell(bench: &Bench, name: &str) -> Result<(), Trouble> {
    let passwd =
        bench.root_exec(&["/bin/sh", "-c", "while read -r line; do echo $line; done </etc/passwd"]).ok()?;
    check(passwd.contains("/usr/lib/nixos-wsl/shells/"), || "nobody's login shell is wrapped".into())?;
    let has = |line: &&str| line.starts_with("accepted:") || line.ends_with(&format!("/{name}"));
    let owner = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let uid = |line: &str| line.split(':').nth(2).and_then(|uid| uid.parse::<u32>().ok()).unwrap_or_default();
    if let Some(line) = passwd.lines().find(|line| has(line) && uid(line) >= 1000) {
        return tried(bench, name, &owner(line));
    }
    let wrapper = format!("/usr/lib/nixos-wsl/shells/@{name}/{name}");
    if bench.root_exec(&["/bin/sh", "-c", &format!("test -x {wrapper}")]).reply()?.code != 0 {
        return Err(Trouble::CannotRun(format!("this image has no {name}: environment.shells adds it")));
    }
    bench.root_script(&format!("useradd -m -s {wrapper} accepted")).ok()?;
    let result = tried(bench, name, "accepted");
    bench.root_script("userdel -rf accepted >/dev/null 2>&1; ! getent passwd accepted").ok()?;
    result
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
