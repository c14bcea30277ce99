//! A disk without space, in every phase: WSL's messages, and a distribution that works again once there is some.
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::sim::{Ended, Sim, bundled, ended};

/// Runs a script in a mount namespace of its own, where `$D` is a small disk, `$1` the given file, and `sim` the
/// program. `full` leaves the disk neither a byte nor a name, `free` gives it space.
fn on_a_small_disk(sim: &Sim, size: &str, file: &Path, script: &str) -> Ended {
    let directory = sim.directory.path().join("disk");
    fs::create_dir(&directory).expect("a directory");
    let prelude = format!(
        "mount -t tmpfs -o size={size} tmpfs \"$D\" || exit 99\n\
         full() {{ mount -o \"remount,$(df -k --output=used,iused \"$D\" | awk 'END {{ print \"size=\" $1 \"k,nr_inodes=\" $2 }}')\" \"$D\"; }}\n\
         free() {{ mount -o remount,size={size},nr_inodes=1000000 \"$D\"; }}\n"
    );
    let program = sim.command([""; 0]).get_program().to_owned();
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", &format!("sim() {{ \"$0\" \"$@\"; }}\n{prelude}{script}")]);
    command.arg(program).arg(file).env("D", &directory).env("WSL_SIM_HOME", sim.home());
    ended(&mut command)
}

const FAILED: &str =
    "Importing the distribution failed.\nError code: Wsl/Service/RegisterDistro/WSL_E_IMPORT_FAILED\n";
const DONE: &str = "The operation completed successfully.\n";

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn an_import_fails_and_leaves_nothing() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents"), ("usr/big", &"x".repeat(4 << 20))]);
    let ended =
        on_a_small_disk(&sim, "1m", &archive, "sim --import N \"$D/N\" \"$1\"; echo $?; ls -A \"$D\"");
    assert!(ended.err.contains("No space left on device"), "{ended:?}");
    assert_eq!(ended.out, format!("{FAILED}255\n"));
    assert_eq!(sim.run(["-l", "-q"]).out, "");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn a_registry_without_space_registers_nothing() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents")]);
    let script = "export WSL_SIM_HOME=$D/home; echo used >\"$D/used\"; full; sim --import N \"$D.N\" \"$1\"; echo $?; ls -A \"$D.N\"; free\n\
                  sim --import N \"$D.N\" \"$1\"; sim -l -q; full; sim -s N; echo $?; sim -l -q; sim --unregister N";
    let ended = on_a_small_disk(&sim, "1m", &archive, script);
    assert_eq!(ended.out, format!("255\n{DONE}N\n255\nN\nUnregistering.\n{DONE}"), "{ended:?}");
    assert!(ended.err.contains("wsl-sim: ") && ended.err.contains("No space left on device"), "{ended:?}");
}

#[test]
#[ignore = "needs root and bsdtar: checks/run gives them"]
fn an_export_fails_and_leaves_nothing() {
    let sim = Sim::new();
    let archive = sim.archive(&[("etc/a", "contents"), ("usr/big", &"x".repeat(4 << 20))]);
    assert_eq!(sim.import("N", &archive).code, 0);
    let script = "echo old >\"$D/kept\"; sim --export N \"$D/export\"; echo $?; sim --export N \"$D/kept\"; echo $?; \
                  ls -A \"$D\"; cat \"$D/kept\"; sim --export N /dev/full; echo $?; ls /dev/full; sim -l -v";
    let ended = on_a_small_disk(&sim, "1m", Path::new("/"), script);
    let failed = "Exporting the distribution failed.\nError code: Wsl/Service/WSL_E_EXPORT_FAILED\n255\n";
    assert_eq!(
        ended.out,
        format!(
            "{failed}{failed}kept\nold\n{failed}/dev/full\n  NAME    STATE           VERSION\n* N       Stopped         2\n"
        ),
        "{ended:?}"
    );
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_full_disk_starts_read_only() {
    let Some(sim) = Sim::for_starts("a_full_disk_starts_read_only") else { return };
    let script = "exec 2>&1; sim --import NixOS \"$D/NixOS\" \"$1\"; sim -- echo first; sim -t NixOS\n\
                  full; sim -- echo second | grep -v 'hidden by WSL'; \
                  sim -u root -e /bin/sh -c 'true >/file || echo no file'; sim -t NixOS\n\
                  free; sim -- echo third; sim -- systemctl is-system-running; sim -t NixOS; sim --unregister NixOS";
    let ended = on_a_small_disk(&sim, "2g", &bundled("image.tar.gz"), script);
    assert!(ended.out.starts_with(&format!("{DONE}first\n{DONE}")), "{ended:?}");
    let warning = "wsl: An error occurred mounting the distribution disk, it was mounted read-only as a fallback.\n\
                   See recovery instructions on: https://aka.ms/wsldiskmountrecovery\n";
    assert!(ended.out.contains(warning) && ended.out.contains("second\n"), "{ended:?}");
    assert!(
        ended.out.contains("/file: Read-only file system\n") && ended.out.contains("no file\n"),
        "{ended:?}"
    );
    assert!(
        ended.out.ends_with(&format!("third\nrunning\n{DONE}Unregistering.\n{DONE}")),
        "all is well once there is space again: {ended:?}"
    );
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn a_full_registry_starts_nothing() {
    let Some(sim) = Sim::for_starts("a_full_registry_starts_nothing") else { return };
    let archive =
        sim.archive(&[("etc/passwd", "root:x:0:0::/root:/bin/sh\n"), ("bin/empty", ""), ("sbin/empty", "")]);
    let script = "export WSL_SIM_HOME=$D/home; sim --import N \"$D.N\" \"$1\"; full\n\
                  sim -e /bin/wslinfo --networking-mode; echo $?; sim -l -v; free\n\
                  sim -e /bin/wslinfo --networking-mode; full; sim -e /bin/wslinfo --networking-mode; sim -t N; sim -l -v; \
                  sim --unregister N";
    let ended = on_a_small_disk(&sim, "1m", &archive, script);
    let stopped = "  NAME    STATE           VERSION\n* N       Stopped         2\n";
    assert_eq!(
        ended.out,
        format!("{DONE}255\n{stopped}nat\nnat\n{DONE}{stopped}Unregistering.\n{DONE}"),
        "{ended:?}"
    );
    assert!(ended.err.contains("No space left on device"), "{ended:?}");
}
