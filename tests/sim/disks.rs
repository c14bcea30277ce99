//! `wsl --mount` and `--unmount`: disks of the virtual machine, beside those of its distributions, on loop devices.
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, ended, every_way_image_name, mounted, namespace};

const MIB: u64 = 1 << 20;
/// The record of them in a registry.
const DISKS: &str = "disks.json";

fn text(path: &Path) -> &str {
    path.to_str().expect("a readable path")
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

const UUID: &str = "6d0b4b3a-58b4-4a6f-9d5c-0a1b2c3d4e5f";

/// An ext4 with a label and an UUID, in a part of a file.
fn format(file: &Path, label: &str, offset: u64) {
    let offset = format!("offset={offset},root_owner=0:0");
    let options = ["-q", "-F", "-U", UUID, "-L", label, "-E", &offset];
    succeed(Command::new("mkfs.ext4").args(options).arg(file).arg("8M"));
}

/// A disk with a table of two partitions, of which the second has a file system.
fn disk(sim: &Sim, name: &str, label: &str) -> PathBuf {
    let path = sim.directory.path().join(name);
    let file = fs::File::create(&path).expect("a file");
    file.set_len(32 * MIB).expect("its size");
    for (index, first) in [(0, MIB), (1, 16 * MIB)] {
        // An entry of a master boot record: type Linux, first block and count.
        let mut entry = [0; 16];
        entry[4] = 0x83;
        entry[8..12].copy_from_slice(&u32::try_from(first / 512).expect("small").to_le_bytes());
        entry[12..].copy_from_slice(&u32::try_from(8 * MIB / 512).expect("small").to_le_bytes());
        file.write_all_at(&entry, 446 + 16 * index).expect("the table");
    }
    file.write_all_at(&[0x55, 0xaa], 510).expect("the table");
    format(&path, label, 16 * MIB);
    path
}

/// The loop devices that have something of the test's.
fn loops(sim: &Sim) -> Vec<String> {
    let loops = Command::new("losetup").args(["--list", "--noheadings", "--output", "BACK-FILE"]).output();
    let loops = String::from_utf8(loops.expect("losetup").stdout).expect("text");
    loops.lines().filter(|line| line.contains(text(sim.directory.path()))).map(str::to_owned).collect()
}

fn letters(path: &Path) -> String {
    text(path).chars().filter(char::is_ascii_alphanumeric).collect()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_disk_is_everybodys_until_it_is_detached() {
    let Some(sim) = Sim::for_starts("a_disk_is_everybodys_until_it_is_detached") else { return };
    for name in ["One", "Two"] {
        sim.import_image(name, "namespace-image.tar.gz");
    }
    let disk = disk(&sim, "data.img", "data");
    let (disk, name) = (text(&disk), format!("{}p2", letters(&disk)));
    sim.outside("One", "true");
    let said = sim.ok(["--mount", disk, "--partition", "2"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("The disk was successfully mounted as '/mnt/wsl/{name}'."));
    assert_eq!(
        lines[2..],
        [format!("To unmount and detach the disk, run 'wsl.exe --unmount {disk}'.").as_str()]
    );
    sim.outside("One", &format!("echo one >/mnt/wsl/{name}/file"));
    assert_eq!(sim.outside("Two", &format!("cat /mnt/wsl/{name}/file; ls /dev/loop*p2 | wc -l")), "one\n1");

    let refused = |arguments: &[&str], words: &str| {
        let ended = sim.run(arguments.iter().copied());
        assert!(ended.code != 0 && ended.out.contains(words), "{arguments:?}: {ended:?}");
    };
    refused(&["--mount", disk, "--partition", "2"], "WSL_E_DISK_ALREADY_MOUNTED");
    refused(&["--mount", disk, "--bare"], "WSL_E_DISK_ALREADY_ATTACHED");
    refused(&["--mount", disk, "--partition", "1"], "attached but failed to mount: Invalid argument.");
    refused(
        &["--mount", disk, "--partition", "1", "--name", &name],
        "WSL_E_VM_MODE_MOUNT_NAME_ALREADY_EXISTS",
    );
    refused(&["--mount", disk, "--name", "a/b"], "WSL_E_VM_MODE_INVALID_MOUNT_NAME");
    refused(&["--mount", disk, "--partition", "two"], "Invalid integer value: two");
    refused(&["--mount", "/nowhere"], "Failed to attach disk '/nowhere' to WSL2");
    refused(&["--unmount", "/nowhere"], "The system cannot find the file specified.");
    refused(&["--mount"], "Usage");

    // Who uses it keeps it.
    sim.outside("Two", "mkdir /mnt/own && mount /dev/loop*p2 /mnt/own");
    // In the words of the C library that both are built with.
    let busy = std::io::Error::from(rustix::io::Errno::BUSY).to_string();
    let busy = format!("failed to detach: {}. To force", busy.split(" (").next().unwrap_or_default());
    refused(&["--unmount", disk], &busy);
    sim.outside("Two", "umount /mnt/own");
    sim.ok(["--unmount", disk]);
    assert_eq!(sim.outside("One", "ls -A /mnt/wsl; ls /dev | grep -c loop || true"), "resolv.conf\n0");
    assert_eq!(loops(&sim), [""; 0]);

    // The machine may end and come back meanwhile, and other partitions may be mounted too.
    sim.ok(["--mount", disk, "--bare"]);
    sim.ok(["--mount", disk, "--partition", "2", "--name", "mine", "--options", "ro,noatime"]);
    for name in ["One", "Two"] {
        sim.ok(["-t", name]);
    }
    assert_eq!(loops(&sim), [""; 0], "nothing is attached to a machine that does not run");
    let line = "cat /mnt/wsl/mine/file; (: >/mnt/wsl/mine/new) 2>/dev/null || echo read-only";
    assert_eq!(sim.outside("One", line), "one\nread-only");
    sim.ok(["--shutdown"]);
    assert_eq!(sim.outside("One", "ls -A /mnt/wsl"), "resolv.conf", "until it is shut down");
    sim.ok(["--shutdown"]);
    assert_eq!((loops(&sim), sim.leftover_processes()), (vec![], vec![]));
}

/// A device that is free may be another's at once: nobody may have a node of it then.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_disk_leaves_nothing_where_it_fails_or_takes_its_time() {
    let Some(sim) = Sim::for_starts("a_disk_leaves_nothing_where_it_fails_or_takes_its_time") else { return };
    sim.import_image("One", "namespace-image.tar.gz");
    let disk = disk(&sim, "data.img", "data");
    let disk = text(&disk);
    let nodes = || sim.outside("One", "ls /dev | grep -c loop || true");
    assert_eq!(nodes(), "0");

    // A place where something is mounted cannot be another's by a rename.
    let record = sim.home().join(DISKS);
    fs::write(&record, "[]").expect("a record of none");
    let mount = sim.command(["--mount", disk, "--bare"]);
    let failed = ended(&mut mounted(&mount, "mount --bind \"$0\" \"$0\"", &record));
    assert!(failed.code != 0 && failed.err.contains(DISKS), "{failed:?}");
    assert_eq!((nodes().as_str(), loops(&sim)), ("0", vec![]), "nobody knows of it");

    sim.ok(["--mount", disk, "--bare"]);
    assert_eq!(nodes(), "3");
    let json = fs::read(&record).expect("a record");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let holder = json[0]["holder"]["pid"].as_i64().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    let holder = holder.expect("a process id");
    kill_process(holder, Signal::STOP).expect("it runs");
    let mut unmount = sim.command(["--unmount", disk]).spawn().expect("it starts");
    eventually("the nodes go", || nodes() == "0");
    assert_eq!(loops(&sim).len(), 1, "the device does not, before the process that holds it");
    kill_process(holder, Signal::CONT).expect("it runs");
    assert!(unmount.wait().expect("its end").success());
    assert_eq!(loops(&sim), [""; 0]);
    assert_eq!(sim.ok(["--mount", disk, "--bare"]), "The operation completed successfully.");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_virtual_disk_keeps_what_was_written() {
    let Some(sim) = Sim::with_fuse("a_virtual_disk_keeps_what_was_written") else { return };
    sim.import_image("One", "namespace-image.tar.gz");
    let raw = sim.directory.path().join("raw");
    fs::File::create(&raw).and_then(|file| file.set_len(8 * MIB)).expect("a file");
    format(&raw, "whole", 0);
    for (ending, kind) in [("vhdx", "vhdx"), ("vhd", "vpc")] {
        let disk = raw.with_extension(ending);
        succeed(Command::new("qemu-img").args(["convert", "-O", kind]).arg(&raw).arg(&disk));
        sim.ok(["--mount", text(&disk), "--vhd", "--name", ending]);
        sim.outside("One", &format!("echo {ending} >/mnt/wsl/{ending}/file; umount /mnt/wsl/{ending}"));
        sim.ok(["--unmount", text(&disk)]);
        if ending == "vhdx" {
            succeed(Command::new("qemu-img").args(["check", "-q"]).arg(&disk));
        }
        sim.ok(["--mount", text(&disk), "--vhd", "--name", ending]);
    }
    assert_eq!(sim.outside("One", "cat /mnt/wsl/vhd*/file"), "vhd\nvhdx");
    // All of them.
    sim.ok(["--unmount"]);
    assert_eq!(sim.outside("One", "ls -A /mnt/wsl"), "resolv.conf");
    fs::write(raw.with_extension("vhdx"), "no disk").expect("a file");
    let broken = sim.run(["--mount", text(&raw.with_extension("vhdx")), "--vhd"]);
    assert!(broken.code != 0, "{broken:?}");
    sim.ok(["--shutdown"]);
    assert_eq!((loops(&sim), sim.leftover_processes()), (vec![], vec![]));
}

/// As `fileSystems` has it: by label and by UUID, with the options that the module gives every disk.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_disk_of_the_configuration_is_mounted_when_it_is_there() {
    let test = "a_disk_of_the_configuration_is_mounted_when_it_is_there";
    let Some(sim) = Sim::with_fuse(test) else { return };
    sim.import_image("NixOS", every_way_image_name());
    let fstab = sim.inside("NixOS", "etc/fstab");
    let entry =
        |name: &str, place: &str| format!("{name} {place} ext4 nofail,x-systemd.device-timeout=5s 0 0\n");
    let entries = entry("LABEL=data", "/mnt/data") + &entry(&format!("UUID={UUID}"), "/mnt/same");
    fs::write(&fstab, entries).expect("fstab");
    let disk = disk(&sim, "data.img", "data");
    let user = |line: &str| sim.ok(["-d", "NixOS", "-e", "/bin/sh", "-c", line]);

    // It is not there: nothing waits for it, and nobody loses a session.
    assert_eq!(
        sim.sh("NixOS", "systemctl is-system-running --wait; mountpoint -q /mnt/data || mountpoint -q /mnt/same || echo none"),
        "running\nnone"
    );
    if !namespace() {
        assert_eq!(user("systemctl --user is-active default.target"), "active");
    }
    // It comes: udev gives it its name, and systemd knows the device.
    sim.ok(["--mount", text(&disk), "--bare"]);
    let device = "systemctl is-active 'dev-disk-by\\x2dlabel-data.device' || true";
    eventually("systemd knows it", || sim.sh("NixOS", device) == "active");
    let line = "systemctl start mnt-data.mount mnt-same.mount; echo kept >/mnt/data/file; cat /mnt/same/file; \
                systemctl is-active mnt-data.mount mnt-same.mount 'dev-disk-by\\x2dlabel-data.device'; \
                ls /dev/disk/by-label";
    assert_eq!(sim.sh("NixOS", line), "kept\nactive\nactive\nactive\ndata");
    assert_eq!(sim.sh("NixOS", &format!("ls /dev/disk/by-uuid | grep -x {UUID}")), UUID);
    // It is there from the start.
    sim.ok(["-t", "NixOS"]);
    let line = "systemctl is-system-running --wait; cat /mnt/data/file /mnt/same/file; \
                systemctl show -P What mnt-data.mount mnt-same.mount | grep -c loop";
    assert_eq!(sim.sh("NixOS", line), "running\nkept\nkept\n2");
    sim.ok(["--shutdown"]);
    assert_eq!((loops(&sim), sim.leftover_processes()), (vec![], vec![]));
}
