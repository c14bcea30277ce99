//! Broken generations, disks and activations under a real systemd, started as WSL starts them: a shell in any case, the
//! right generation, and a message that names the cause (U§3 F7, F8, F36).
#![cfg(feature = "sim")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::starts::{LOG, STATE, Start, falls_back, import, install, record, shell, toplevel, world};
use crate::support::sim::Sim;

/// The system that is made to fail.
const FAULTY: &str = "/nix/store/faulty";

/// A copy of the second system, and these lines at the beginning of its activation.
fn faulty(sim: &Sim, lines: &str) {
    let second = toplevel(sim, "second");
    let inside = |path: &str| sim.inside("NixOS", path);
    let _ = fs::remove_dir_all(inside(FAULTY));
    fs::create_dir_all(inside(&format!("{FAULTY}/nixos-wsl"))).expect("a folder");
    for name in ["etc", "sw", "systemd", "nixos-version", "nixos-wsl/root.json"] {
        symlink(second.join(name), inside(&format!("{FAULTY}/{name}"))).expect("a link");
    }
    let second = second.to_str().expect("a path");
    let script = fs::read_to_string(inside(&format!("{second}/activate"))).expect("a script");
    let (first, rest) = script
        .replace(second, FAULTY)
        .split_once('\n')
        .map_or_else(|| panic!("{script}"), |(first, rest)| (first.to_owned(), rest.to_owned()));
    let activate = inside(&format!("{FAULTY}/activate"));
    fs::write(&activate, format!("{first}\n{lines}\n{rest}")).expect("a script");
    fs::set_permissions(&activate, Permissions::from_mode(0o755)).expect("its mode");
    fs::write(
        inside(&format!("{FAULTY}/nixos-wsl/session.json")),
        r#"{"systemdMode":"native","activationTimeout":3}"#,
    )
    .expect("settings");
    install(sim, Path::new(FAULTY));
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_broken_generation_gives_way_to_the_one_before() {
    let Some(sim) = world("a_broken_generation_gives_way_to_the_one_before") else { return };
    for (what, lines, reason) in [
        ("fails", "exit 3", "activate: exit status 3"),
        ("is killed", "kill -9 $$", "activate: killed by signal 9"),
        ("hangs", "while :; do :; done", "activate: still running after 3 s, killed"),
        (
            "hangs in a child",
            "(unset IFS; /bin/sh -c 'sleep 1000'); exit 1",
            "still running after 3 s, killed",
        ),
    ] {
        faulty(&sim, lines);
        falls_back(&sim, what, reason);
    }
    let activate = sim.inside("NixOS", &format!("{FAULTY}/activate"));
    faulty(&sim, "");
    fs::set_permissions(&activate, Permissions::from_mode(0o644)).expect("its mode");
    falls_back(&sim, "not executable", "/nix/store/faulty/activate: Permission denied");
    fs::remove_file(&activate).expect("the script");
    install(&sim, Path::new(FAULTY));
    falls_back(&sim, "no activate", "/nix/store/faulty/activate: No such file");
    fs::remove_dir_all(sim.inside("NixOS", FAULTY)).expect("the system");
    install(&sim, Path::new(FAULTY));
    falls_back(&sim, "deleted", "/nix/store/faulty/activate: No such file");
    install(&sim, &toplevel(&sim, "withoutSystemd"));
    falls_back(&sim, "no systemd", "systemd/lib/systemd/systemd: No such file");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_generation_that_fails_after_its_work_boots_all_the_same() {
    let Some(sim) = world("a_generation_that_fails_after_its_work_boots_all_the_same") else { return };
    install(&sim, &toplevel(&sim, "failing"));
    let ended = shell(&sim);
    assert_eq!(ended.out.lines().nth(1).map(Path::new), Some(toplevel(&sim, "failing").as_path()));
    let log = fs::read_to_string(sim.inside("NixOS", LOG)).expect("a log");
    assert!(log.contains("this generation fails on purpose"), "{log}");
    assert!(log.contains("generation 2: activate: exit status 1; booting it all the same"), "{log}");
}

/// No unit of it runs yet that could say who stops it.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_stop_from_outside_during_an_activation_does_not_count() {
    let Some(sim) = world("a_stop_from_outside_during_an_activation_does_not_count") else { return };
    sim.let_limits_expire();
    faulty(&sim, "sleep 1000");
    let settings = r#"{"systemdMode":"native","activationTimeout":600,"startTimeout":3600}"#;
    fs::write(sim.inside("NixOS", &format!("{FAULTY}/nixos-wsl/session.json")), settings).expect("settings");
    let mut start = Start::new(&sim);
    start.wait_for("/run/nixos-wsl/activating");
    assert_eq!(record(&sim, Path::new(FAULTY)).attempts, 1);
    start.terminate();
    start.cut();
    assert_eq!(record(&sim, Path::new(FAULTY)).attempts, 0);
}

/// The whole distribution ends with a process 1 that stops: the third start takes the generation before.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_systemd_that_stops_at_once_is_tried_twice() {
    let Some(sim) = world("a_systemd_that_stops_at_once_is_tried_twice") else { return };
    install(&sim, &toplevel(&sim, "brokenSystemd"));
    for _ in 0..2 {
        let ended = sim.run(["--", "true"]);
        assert_ne!(ended.code, 0, "{ended:?}");
    }
    falls_back(&sim, "stops at once", "started 2 times in a row without reaching multi-user.target");
}

/// A disk of its own for the distribution, gone with this value.
struct Disk(PathBuf);

impl Disk {
    fn mount(sim: &Sim) -> Self {
        let folder = sim.directory.path().join("NixOS");
        fs::create_dir_all(&folder).expect("a folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=300m,mode=755", "disk"])
            .arg(&folder)
            .status();
        assert!(status.expect("mount").success());
        Self(folder)
    }

    fn fill(&self) {
        let mut file =
            fs::File::options().append(true).create(true).open(self.0.join("rootfs/fill")).expect("a file");
        let full = std::io::copy(&mut std::io::repeat(b'x'), &mut file);
        assert_eq!(full.expect_err("an end of the disk").kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_full_disk_still_gives_a_shell() {
    let Some(sim) = Sim::for_starts("a_full_disk_still_gives_a_shell") else { return };
    let disk = Disk::mount(&sim);
    import(&sim);
    let second = toplevel(&sim, "second");
    install(&sim, &second);
    disk.fill();
    let ended = shell(&sim);
    assert_eq!(ended.out.lines().nth(1).map(Path::new), Some(second.as_path()));
    let kmsg = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("the kernel's log");
    assert!(kmsg.contains("attempts are not counted: /var/lib/nixos-wsl/boot.json: No space left"), "{kmsg}");
    assert_eq!(
        sim.sh("NixOS", "systemctl is-system-running --wait"),
        "running",
        "nothing counts, nothing fails"
    );
    sim.ok(["-t", "NixOS"]);
    fs::remove_file(sim.inside("NixOS", "fill")).expect("the file");
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running --wait"), "running", "with room again");
    sim.ok(["--unregister", "NixOS"]);
    drop(disk);
}

/// What is recorded needs no room: a system that completes its starts is never put aside for want of it.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn on_a_full_disk_starts_are_counted_and_the_doctor_names_it() {
    let Some(sim) = Sim::for_starts("on_a_full_disk_starts_are_counted_and_the_doctor_names_it") else {
        return;
    };
    let disk = Disk::mount(&sim);
    import(&sim);
    let second = toplevel(&sim, "second");
    install(&sim, &second);
    sim.sh("NixOS", "systemctl is-system-running --wait");
    sim.ok(["-t", "NixOS"]);
    // A start may take less than the second in which the record counts.
    let written =
        || fs::metadata(sim.inside("NixOS", STATE)).and_then(|state| state.modified()).expect("a time");
    for round in 0..3 {
        disk.fill();
        let before = written();
        assert_eq!(shell(&sim).out.lines().nth(1).map(Path::new), Some(second.as_path()), "round {round}");
        assert_eq!(sim.sh("NixOS", "systemctl is-system-running --wait"), "running", "round {round}");
        let now = record(&sim, &second);
        assert!(now.attempts == 0 && !now.starting && written() > before, "round {round}: {now:?}");
        let doctor = sim.run(["-u", "root", "--", "nixos-wsl", "doctor"]);
        assert!(
            doctor.code != 0 && doctor.out.contains("the disk of / (disk, tmpfs) is full: 0 MiB of 300 MiB"),
            "{doctor:?}"
        );
        sim.ok(["-t", "NixOS"]);
    }
    sim.ok(["--unregister", "NixOS"]);
    drop(disk);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_read_only_root_still_gives_a_shell() {
    let Some(sim) = world("a_read_only_root_still_gives_a_shell") else { return };
    install(&sim, &toplevel(&sim, "second"));
    sim.sh("NixOS", "true");
    sim.ok(["-t", "NixOS"]);
    fs::remove_file(sim.inside("NixOS", STATE)).expect("the state");
    fs::remove_file(sim.inside("NixOS", LOG)).expect("the log");
    // WSL has written its own files by the time it starts this.
    let init = sim.inside("NixOS", "sbin/init");
    fs::rename(&init, init.with_file_name("real-init")).expect("the program");
    fs::write(&init, "#!/bin/sh\nmount -o remount,bind,ro /\nexec -a /sbin/init /sbin/real-init\n")
        .expect("a script");
    fs::set_permissions(&init, Permissions::from_mode(0o755)).expect("its mode");
    let ended = shell(&sim);
    assert_eq!(
        ended.out.lines().nth(1).map(Path::new),
        Some(toplevel(&sim, "second").as_path()),
        "{ended:?}"
    );
    let kmsg = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("the kernel's log");
    assert!(kmsg.contains("attempts are not counted: /var/lib/nixos-wsl"), "{kmsg}");
    assert!(kmsg.contains("no log file: /var/log/nixos-wsl-boot.log: Read-only file system"), "{kmsg}");
    assert!(!sim.inside("NixOS", STATE).exists());
    let doctor = sim.run(["-u", "root", "--", "nixos-wsl", "doctor"]);
    assert!(
        doctor.code != 0 && doctor.out.contains("the disk of / (") && doctor.out.contains("is read-only"),
        "{doctor:?}"
    );
}
