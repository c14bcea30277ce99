//! A system of another architecture than this machine's: its image, written here, is started by the simulator, which is this
//! machine's own, and its programs by QEMU (`checks/arm`).
#![cfg(feature = "sim")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::sim::{Sim, exists, mounts};

/// What an ELF file says of itself: the machine that it is for (elf(5), `e_machine`).
const AARCH64: u16 = 183;

/// What QEMU (10.0) cannot do for a unit, with what the unit is told so that it runs all the same.
const UNITS: [(&str, &str, &str); 2] = [
    (
        "systemd-sysctl.service",
        "[Service]\nLoadCredential=\n",
        "clone(2) refuses every new namespace; systemd mounts credentials in one",
    ),
    ("systemd-tmpfiles-setup.service", "[Service]\nLoadCredential=\nSetCredential=\n", "the same"),
];

/// Every ELF file below a folder with its machine.
fn programs(folder: &Path, found: &mut Vec<(PathBuf, u16)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            programs(&entry.path(), found);
        } else if kind.is_file() {
            let mut header = [0; 20];
            let read = fs::File::open(entry.path()).and_then(|mut file| file.read_exact(&mut header));
            if read.is_ok() && header.starts_with(b"\x7fELF") {
                found.push((entry.path(), u16::from_le_bytes([header[18], header[19]])));
            }
        }
    }
}

/// An image of aarch64 as NixOS, whose units know what runs them.
fn imported(test: &str, image: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    sim.import_image("NixOS", image);
    for (unit, text, _) in UNITS {
        let folder = sim.inside("NixOS", &format!("usr/local/lib/systemd/system/{unit}.d"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("qemu.conf"), text).expect("settings of a unit");
    }
    Some(sim)
}

/// A system of the image.
fn toplevel(sim: &Sim, name: &str) -> PathBuf {
    fs::read_link(sim.inside("NixOS", &format!("nix/var/nix/gcroots/standin/{name}"))).expect("a generation")
}

/// Makes it generation 2, the profile's, for the next start.
fn install(sim: &Sim, toplevel: &Path) {
    sim.ok(["--terminate", "NixOS"]);
    let profiles = sim.inside("NixOS", "nix/var/nix/profiles");
    for (name, target) in [("system-2-link", toplevel), ("system", Path::new("system-2-link"))] {
        let _ = fs::remove_file(profiles.join(name));
        symlink(target, profiles.join(name)).expect("a link");
    }
    // What is known of the number is not of this system.
    let _ = fs::remove_file(sim.inside("NixOS", "var/lib/nixos-wsl/boot.json"));
}

/// Which system runs, and its state.
fn running(sim: &Sim) -> String {
    sim.sh("NixOS", "readlink /run/current-system; systemctl is-system-running; nixos-version")
}

#[test]
#[ignore = "boots the stand-in of aarch64: checks/arm gives it"]
fn a_system_of_aarch64_boots() {
    let Some(sim) = imported("a_system_of_aarch64_boots", "test-image.tar.gz") else { return };
    let mut found = Vec::new();
    programs(&sim.inside("NixOS", "/"), &mut found);
    assert!(found.len() > 300, "{found:?}");
    found.retain(|(_, machine)| *machine != AARCH64);
    assert_eq!(found, [], "programs for another machine");

    // The first command of all, by the user's own shell; nothing is hidden, so systemd was up in time.
    let first = sim.run(["--", "uname", "-m"]);
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "aarch64\n", ""));
    assert_eq!(sim.hidden("NixOS"), "");
    let shell =
        sim.ok(["--", "bash", "-c", "echo $MACHTYPE $__NIXOS_SET_ENVIRONMENT_DONE; id -un; sudo id -un"]);
    assert_eq!(shell, "aarch64-unknown-linux-gnu 1\nnixos\nroot", "environment, user and setuid programs");
    let first = toplevel(&sim, "first");
    assert_eq!(running(&sim), format!("{}\nrunning\n26.11.standin.1", first.display()));
    assert_eq!(
        sim.sh("NixOS", "cat /proc/1/comm; systemctl list-units --failed --no-legend --plain"),
        "systemd"
    );
    // Nobody talks to that one: QEMU's getsockopt(2) never ends where it asks for the groups of a user who has several.
    assert_eq!(sim.sh("NixOS", "systemctl is-active user@1000.service"), "active");
    let kmsg = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("a log");
    assert!(kmsg.contains(&format!("generation 1: activating {}", first.display())), "{kmsg}");

    // The next start has another generation, and the one after that a generation that cannot boot.
    let second = toplevel(&sim, "second");
    install(&sim, &second);
    assert_eq!(running(&sim), format!("{}\nrunning\n26.11.standin.2", second.display()));
    install(&sim, &toplevel(&sim, "withoutSystemd"));
    assert_eq!(running(&sim), format!("{}\nrunning\n26.11.standin.1", first.display()));
    let told = sim.run(["--", "nixos-wsl", "generations"]);
    assert!(told.out.contains("systemd/lib/systemd/systemd: No such file"), "{told:?}");

    let processes = sim.processes("NixOS");
    assert!(processes.len() > 5, "{processes:?}");
    sim.ok(["--terminate", "NixOS"]);
    assert_eq!(sim.hidden("NixOS"), "", "systemd powers off in time");
    assert!(processes.iter().all(|&pid| !exists(pid)), "no process is left");
    assert_eq!(mounts(sim.directory.path()), [""; 0], "no mount is left");
}

#[test]
#[ignore = "boots the stand-in of aarch64: checks/arm gives it"]
fn a_first_shell_of_aarch64_says_why_it_is_outside_systemd() {
    let name = "a_first_shell_of_aarch64_says_why_it_is_outside_systemd";
    let Some(sim) = imported(name, "namespace-image.tar.gz") else { return };
    // QEMU has a thread of its own in every program, and no clone3(2).
    let first = sim.run(["--", "uname", "-m"]);
    let said =
        "nixos-wsl: make the namespaces: fork in a process with threads; this shell is outside systemd\n";
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "aarch64\n", said));
    sim.ok(["--terminate", "NixOS"]);
    assert_eq!(mounts(sim.directory.path()), [""; 0], "no mount is left");
}
