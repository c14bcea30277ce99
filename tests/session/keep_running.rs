//! `wsl.keepRunning`: a unit keeps the distribution up by a client on Windows, and no longer than it is active (W§5.6).
#![cfg(feature = "sim")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::patience::eventually;
use crate::support::sim::Sim;

/// In the place of Windows' program: tells the test what it was started with, and lives until it is killed.
const WSL_EXE: &str = "#!/bin/sh
printf '%s\\n' \"$@\" >/mnt/c/request.new && mv /mnt/c/request.new /mnt/c/request
exec sleep infinity
";
/// As modules/keep-running.nix has it.
const UNIT: &str = "[Unit]
BindsTo=job.service
After=job.service
[Service]
ExecStart=/keep/client
Restart=on-failure
RestartSec=30
";
const JOB: &str = "[Unit]
Wants=wsl-keep-running-job.service
[Service]
ExecStart=/run/current-system/sw/bin/sleep infinity
";
/// The script of modules/keep-running.nix, with the stand-in's paths in the place of what Nix puts in.
fn client() -> String {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules/keep-running.nix");
    let module = fs::read_to_string(module).expect("the module");
    let script = module.split("writeShellScript \"wsl-keep-running\" ''\n").nth(1).expect("the script");
    let mut script = script.split("'';").next().expect("its end").to_owned();
    for (put_in, path) in [
        ("${lib.escapeShellArg wslExe}", "/mnt/c/Windows/System32/wsl.exe"),
        ("${cfg.distribution}", "NixOS"),
        ("${pkgs.coreutils}", "/run/current-system/sw"),
    ] {
        script = script.replace(put_in, path);
    }
    assert!(!script.contains("${"), "{script}");
    format!("#!/run/current-system/sw/bin/bash\n{script}")
}

/// In milliseconds: longer than the second distribution takes to start.
const IDLE: u32 = 4000;

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_unit_keeps_the_distribution_up_as_long_as_it_is_active() {
    let Some(sim) = Sim::with_image("a_unit_keeps_the_distribution_up_as_long_as_it_is_active") else {
        return;
    };
    sim.tiny("Other");
    let config = sim.home().join(".wslconfig");
    fs::write(&config, format!("[general]\ninstanceIdleTimeout={IDLE}\n")).expect("a file");
    for (path, text) in [
        ("keep/wsl.exe", WSL_EXE),
        ("keep/client", &client()),
        ("keep/job.service", JOB),
        ("keep/wsl-keep-running-job.service", UNIT),
    ] {
        let path = sim.inside("NixOS", path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    // A shell that stays until the client on Windows is there.
    let line = "PATH=$PATH:/run/current-system/sw/bin; mkdir -p /mnt/c/Windows/System32 && cd /keep && \
                chmod +x wsl.exe client && cp wsl.exe /mnt/c/Windows/System32/ && cp *.service /run/systemd/system/ && \
                systemctl daemon-reload && systemctl start job && \
                while [ ! -e /mnt/c/go ]; do sleep 0.1; done";
    let mut shell = sim.command(["-d", "NixOS", "-u", "root", "-e", "/bin/sh", "-c", line]);
    let mut shell = shell.spawn().expect("wsl-sim");
    let windows = |name: &str| -> Option<PathBuf> {
        Some(format!("/proc/{}/root/mnt/c/{name}", sim.try_first("NixOS")?).into())
    };
    let mut words = String::new();
    eventually("the unit starts wsl.exe", || {
        words = windows("request").and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        !words.is_empty()
    });
    let mut client = sim.command(words.lines()).stdout(Stdio::null()).spawn().expect("wsl-sim");
    let first = sim.first("NixOS");
    let waiting = || {
        let line = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        sim.processes("NixOS").into_iter().any(|pid| line(pid).contains("/tail\0--pid="))
    };
    eventually("Windows' client has its process", waiting);
    fs::write(windows("go").expect("it runs"), "").expect("a file");
    assert!(shell.wait().expect("its end").success());

    // Another one, without such a unit, is idle later and ends before it.
    sim.ok(["-d", "Other", "-e", "/bin/wslinfo", "--wsl-version"]);
    let running = |name: &str| sim.run(["-l", "--running", "-q"]).out.lines().any(|line| line == name);
    eventually("the other one ends", || !running("Other"));
    assert!(waiting(), "the client's process is still there");
    assert_eq!(
        sim.sh("NixOS", "systemctl is-system-running; systemctl is-active wsl-keep-running-job"),
        "running\nactive"
    );
    assert_eq!(sim.first("NixOS"), first, "it is the same start");

    sim.sh("NixOS", "systemctl stop job");
    assert!(client.wait().expect("its end").success(), "the client ends with the unit");
    eventually("the distribution ends", || !running("NixOS"));
}
