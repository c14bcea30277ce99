//! Disks that are files: imported, used where they are, exported (W§1.1, W§1.2, W§1.5).
#![cfg(feature = "sim")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, bundled, image, mounts};

fn disk() -> PathBuf {
    bundled("image.vhdx")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a readable path")
}

/// Has e2fsprogs look at what is on a disk. (To copy it out, QEMU would read each of a million MiB.)
fn check_contents(sim: &Sim, disk: &Path) {
    let contents = sim.directory.path().join("contents");
    fs::write(&contents, "").expect("a file");
    let node = json!({
        "driver": "vhdx", "node-name": "disk", "read-only": true,
        "file": { "driver": "file", "filename": disk, "read-only": true },
    });
    let export = json!({ "type": "fuse", "id": "contents", "node-name": "disk", "mountpoint": contents });
    let mut daemon = Command::new("qemu-storage-daemon")
        .args(["--blockdev", &node.to_string(), "--export", &export.to_string()])
        .spawn()
        .expect("QEMU");
    eventually("the disk is there", || contents.metadata().expect("a file").len() > 0);
    let checked = Command::new("e2fsck").args(["-f", "-n"]).arg(&contents).output().expect("e2fsck");
    assert!(checked.status.success(), "{checked:?}");
    Command::new("kill").arg(daemon.id().to_string()).status().expect("kill");
    assert!(daemon.wait().expect("its end").success());
    fs::remove_file(contents).expect("the file");
}

/// What nobody uses any more: QEMU and e2fsprogs find no fault in it, and no loop device has it.
fn at_rest(sim: &Sim, disk: &Path) {
    assert!(Command::new("qemu-img").args(["check", "-q"]).arg(disk).status().expect("qemu-img").success());
    check_contents(sim, disk);
    assert_eq!(mounts(sim.directory.path()), [""; 0], "no mount is left");
    let loops = Command::new("losetup").args(["--list", "--noheadings", "--output", "BACK-FILE"]).output();
    let loops = String::from_utf8(loops.expect("losetup").stdout).expect("text");
    assert!(!loops.contains(text(sim.directory.path())), "{loops}");
    assert_eq!(sim.leftover_processes(), [""; 0]);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_disk_is_imported_and_boots() {
    let Some(sim) = Sim::with_fuse("a_disk_is_imported_and_boots") else { return };
    let directory = sim.directory.path().join("NixOS");
    let before = fs::metadata(disk()).expect("the disk").len();
    sim.ok(["--import", "NixOS", text(&directory), text(&disk()), "--vhd"]);
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running"), "running");
    assert_eq!(sim.hidden("NixOS"), "");
    assert_eq!(sim.sh("NixOS", "findmnt -n -o FSTYPE /"), "ext4");
    sim.sh("NixOS", "echo kept >/var/lib/kept");
    sim.ok(["-t", "NixOS"]);
    at_rest(&sim, &directory.join("ext4.vhdx"));
    assert_eq!(sim.leftover_files("NixOS"), [""; 0]);
    assert_eq!(sim.sh("NixOS", "cat /var/lib/kept"), "kept");
    // As when the power goes: what was synced is there.
    sim.sh("NixOS", "echo synced >/var/lib/synced; sync");
    let cgroup = sim.cgroup("NixOS").expect("a cgroup");
    let supervisor = sim.supervisor("NixOS");
    Command::new("kill").args(["-9", &supervisor.to_string()]).status().expect("kill");
    eventually("everything of it ends", || sim.leftover_processes().is_empty() && !cgroup.exists());
    assert_eq!(
        sim.sh("NixOS", "cat /var/lib/kept /var/lib/synced; systemctl is-system-running"),
        "kept\nsynced\nrunning"
    );
    sim.ok(["-t", "NixOS"]);
    at_rest(&sim, &directory.join("ext4.vhdx"));
    assert_eq!(fs::metadata(disk()).expect("the disk").len(), before);
    sim.ok(["--unregister", "NixOS"]);
    assert!(!directory.exists(), "its directory held nothing else");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_disk_is_used_where_it_is_and_exported() {
    let Some(sim) = Sim::with_fuse("a_disk_is_used_where_it_is_and_exported") else { return };
    assert_eq!(sim.import("NixOS", &image()).code, 0);
    sim.sh("NixOS", "echo kept >/var/lib/kept");
    let at = |name: &str| sim.directory.path().join(name);
    let exported = at("own disk, of \"Mine\".vhdx");
    sim.ok(["--export", "NixOS", text(&exported), "--format", "vhd"]);
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "", "an export terminates the distribution");
    sim.ok(["--unregister", "NixOS"]);
    let relative = sim.run(["--import-in-place", "Mine", "disk.vhdx"]);
    assert!(relative.out.contains("Wsl/E_INVALIDARG"), "{relative:?}");
    sim.ok(["--import-in-place", "Mine", text(&exported)]);
    assert_eq!(sim.registration("Mine")["Flavor"], "nixos");
    assert_eq!(sim.sh("Mine", "cat /var/lib/kept; systemctl is-system-running"), "kept\nrunning");
    let again = sim.run(["--import-in-place", "Other", text(&exported)]);
    assert!(again.out.contains("The supplied install location is already in use."), "{again:?}");
    sim.ok(["--export", "Mine", text(&at("export.tar"))]);
    at_rest(&sim, &exported);
    sim.ok(["--export", "Mine", "--vhd", text(&at("copy.vhdx"))]);
    at_rest(&sim, &at("copy.vhdx"));
    let moved = at("moved");
    sim.ok(["--manage", "Mine", "--move", text(&moved)]);
    sim.ok(["--unregister", "Mine"]);
    assert!(!exported.exists() && !moved.exists(), "a disk goes with its distribution");
    assert_eq!(sim.import("NixOS", &at("export.tar")).code, 0);
    assert_eq!(sim.sh("NixOS", "cat /var/lib/kept; systemctl is-system-running"), "kept\nrunning");
}

/// WSL looks at a disk only where it stays (W§1.2); what cannot be attached is said when it starts.
#[test]
#[ignore = "needs root: checks/run gives it"]
fn what_is_no_disk() {
    let Some(sim) = Sim::with_fuse("what_is_no_disk") else { return };
    let at = |name: &str| sim.directory.path().join(name);
    fs::create_dir(at("mine")).expect("a directory");
    let random = at("mine/random.vhdx");
    fs::write(&random, vec![0xa5; 70_000]).expect("a file");
    let empty = at("mine/empty.vhdx");
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "vhdx"]).arg(&empty).arg("64M").status();
    assert!(made.expect("qemu-img").success());
    for (file, error) in [
        (&random, "MountVhd/HCS/ERROR_FILE_CORRUPT"),
        (&empty, "the disk has no file system that is mounted here"),
    ] {
        let in_place = sim.run(["--import-in-place", "N", text(file)]);
        assert_eq!(in_place.code, 255, "{in_place:?}");
        assert!(format!("{}{}", in_place.out, in_place.err).contains(error), "{in_place:?}");
        assert!(file.exists(), "somebody else's file");
        assert_eq!(sim.run(["-l", "-q"]).out, "");
        sim.ok(["--import", "N", text(&at("N")), text(file), "--vhd"]);
        let started = sim.run(["-d", "N", "-e", "/bin/true"]);
        assert_eq!(started.code, 255, "{started:?}");
        assert!(format!("{}{}", started.out, started.err).contains(error), "{started:?}");
        assert_eq!(sim.leftover_processes(), [""; 0]);
        sim.ok(["--unregister", "N"]);
    }
    let missing = sim.run(["--import", "N", text(&at("N")), text(&at("none.vhdx")), "--vhd"]);
    assert!(missing.out.contains("Wsl/ERROR_FILE_NOT_FOUND"), "{missing:?}");
}
