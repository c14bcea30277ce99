//! Generations that are slow, fail, or do not start at all. They are copies of the running one with one thing changed.

use std::time::Instant;

use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble, check};

const PROFILE: &str = "/nix/var/nix/profiles/system";

/// Of recovery.
pub const CASES: &[Case] = &[
    Case {
        name: "slow-activation",
        proves: "An activation of 15 s, longer than WSL waits, still gives a shell with the system's environment",
        needs: &[],
        body: |bench| {
            with_generation(bench, "sed -i \"1a $(readlink -f $(command -v sleep)) 15\" activate", |bench| {
                let start = Instant::now();
                let shell = "echo a shell ; command -v nixos-version";
                bench.line(shell).prints("a shell\n/run/current-system/sw/bin/nixos-version")?;
                let took = start.elapsed().as_secs();
                check(took >= 10, || {
                    format!("the start took only {took} s: the generation was not started")
                })?;
                bench.root_script("systemctl is-system-running --wait").prints("running")
            })
        },
    },
    Case {
        name: "failing-activation",
        proves: "A generation whose activation fails at its end starts all the same, and the log of the \
            start says so",
        needs: &[],
        body: |bench| {
            with_generation(
                bench,
                "mv activate a; (sed '/^exit/d' a; echo 'exit 1') >activate; chmod 555 activate; rm a",
                |bench| {
                    bench.line("echo a shell").prints("a shell")?;
                    bench.root_script("systemctl is-system-running --wait").prints("running")?;
                    let log = bench.root_script("cat /var/log/nixos-wsl-boot.log").ok()?;
                    check(log.contains("activate: exit status 1; booting it all the same"), || log.clone())
                },
            )
        },
    },
    Case {
        name: "missing-generation",
        proves: "A default generation that is no longer there is passed over at once: the one before runs, and \
            says so",
        needs: &[],
        body: |bench| {
            let system = current(bench)?;
            let link = bench.root_script(&format!("readlink {PROFILE}")).ok()?;
            check(link.starts_with("system-"), || format!("the profile is {link:?}"))?;
            let gone = "/nix/store/00000000000000000000000000000000-gone";
            let script = format!("ln -sfn {gone} {PROFILE}-999-link && ln -sfn system-999-link {PROFILE}");
            bench.root_script(&script).ok()?;
            bench.terminate()?;
            let line = "readlink -f /run/current-system ; cat /run/nixos-wsl/notice ; \
                systemctl is-system-running --wait";
            let found = bench.root_line(line).reply();
            bench.root_script(&format!("ln -sfn {link} {PROFILE} && rm -f {PROFILE}-999-link")).ok()?;
            let found = found?;
            let lines: Vec<&str> = found.out.lines().collect();
            let passed_over = lines.iter().any(|line| line.contains("999"));
            check(lines.first() == Some(&&*system) && passed_over && lines.last() == Some(&"running"), || {
                format!("{found:?}")
            })
        },
    },
    Case {
        name: "broken-generation",
        proves: "A generation whose systemd ends at once is given up: after two starts the one before is \
            back, and says why",
        needs: &[],
        body: broken,
    },
    Case {
        name: "recover-reads-generations",
        proves: "`nixos-wsl recover` lists the generations with nothing but its own static program",
        needs: &[],
        body: |bench| {
            let listed = bench
                .root_exec(&["/usr/bin/env", "-i", "/bin/nixos-wsl", "recover", "--root", "/", "list"])
                .ok()?;
            check(listed.contains("default"), || listed.clone())
        },
    },
    Case {
        name: "recover-from-outside",
        proves: "From WSL's system distribution, `nixos-wsl recover` reads the generations of a \
            distribution whose own programs are not used",
        needs: &[],
        body: |bench| {
            let tool = "/mnt/wslg/distro/bin/nixos-wsl";
            let inside = ["--system", "-u", "root", "-d", &bench.name, "--", tool, "recover", "list"];
            let listed = bench.wsl.call(inside).ok()?;
            check(listed.contains("default"), || listed.clone())
        },
    },
];

/// A systemd that ends at once.
const BREAK: &str = "rm systemd && mkdir -p systemd/lib/systemd && cd systemd/lib/systemd && \
    printf '#!%s\\nexit 1\\n' $(readlink -f /proc/$$/exe) >systemd && chmod 555 systemd";

fn current(bench: &Bench) -> Result<String, Trouble> {
    bench.root_script(&format!("readlink -f {PROFILE}")).ok()
}

/// Makes a copy of the system with a change, has it as the default and restarted, and has the former one back after.
fn with_generation(
    bench: &Bench,
    change: &str,
    body: impl FnOnce(&Bench) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let good = current(bench)?;
    let script = format!(
        "set -e\nd=$(mktemp -d)\ncp -a --no-target-directory {good} $d/accept-system\nchmod -R u+w $d/accept-system\n\
         cd $d/accept-system\nsed -i 's|^systemConfig=.*|systemConfig=${{0%/*}}|' activate\n({change})\ncd /\n\
         p=$(nix-store --add $d/accept-system)\nrm -r $d\n\
         nix-env -p {PROFILE} --set $p\necho $p\n"
    );
    let made = bench.root_script(&script).ok()?;
    check(made.starts_with("/nix/store/"), || made.clone())?;
    bench.terminate()?;
    let result = body(bench);
    let back = bench.root_script(&format!("nix-env -p {PROFILE} --set {good} 2>&1")).ok();
    bench.terminate()?;
    result?;
    back.map(drop)
}

fn broken(bench: &Bench) -> Result<(), Trouble> {
    let good = current(bench)?;
    with_generation(bench, BREAK, |bench| back(bench, &good))
}

/// Two starts may fail; the third must not.
fn back(bench: &Bench, good: &str) -> Result<(), Trouble> {
    let mut last = None;
    for _ in 0..3 {
        let reply = bench.line("readlink -f /run/current-system ; cat /run/nixos-wsl/notice").reply()?;
        if reply.code == 0
            && reply.out.starts_with(&format!("{good}\n"))
            && reply.out.contains("without reaching")
        {
            return bench.root_script("systemctl is-system-running --wait").prints("running");
        }
        last = Some(reply);
    }
    Err(last.map_or_else(
        || Trouble::Failed("no start".into()),
        |reply| reply.fault("the third start is not the generation before"),
    ))
}
