//! What Windows decides: drives and their paths, `.wslconfig`, idle time-outs, `--manage`.
#![cfg(feature = "sim")]

use std::fs;

use crate::support::patience::eventually;
use crate::support::sim::{Sim, bundled, ended, mounts};

const DONE: &str = "The operation completed successfully.";
const IN_USE: &str = "The operation could not be completed because the VHD is currently in use.";

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn drives_are_mounted_with_wsls_options() {
    let Some(sim) = Sim::for_starts("drives_are_mounted_with_wsls_options") else { return };
    let image = bundled("namespace-image.tar.gz");
    assert_eq!(sim.import("N", &image).code, 0);
    fs::write(sim.home().join(".wslconfig"), "[wsl2]\nnetworkingMode=mirrored\n[simulator]\nversion=2.9.4\n")
        .expect("a file");
    let mut status = sim.command(["--status"]);
    let status = ended(status.env_remove("WSL_SIM_VERSION"));
    assert!(status.out.contains("WSL version: 2.9.4 (cgroups: shared)"), "{status:?}");
    let sh = |line: &str| sim.outside("N", &format!("exec 2>&1; {line}"));
    // The mount that was asked for is the nearest one, and a user's options end up on it.
    let mounted = "mkdir -p /mnt/x '/mnt/y y'; mount -t drvfs C: /mnt/x -o ro,uid=1000,gid=100,umask=22,fmask=11,metadata,case=force,noatime";
    assert!(sh(mounted).contains("case=force not supported, using case=dir"));
    assert_eq!(
        sh("stat -c %a:%u:%g /mnt/x; touch /mnt/x/a; grep -c ' /mnt/x tmpfs ro,noatime' /proc/mounts"),
        "755:1000:100\ntouch: cannot touch '/mnt/x/a': Read-only file system\n1"
    );
    sh("mount -t drvfs 'C:\\' '/mnt/y y' -o dmask=077 && mkdir '/mnt/y y/a'");
    for (line, expected) in [
        ("umount /mnt/x; wslpath -w '/mnt/y y/a' /mnt/c", "C:\\a"),
        ("wslpath -m '/mnt/y y/a'; wslpath -w '/mnt/y y'", "C:/a\nC:\\"),
        (
            "umount '/mnt/y y'; wslpath 'C:\\a b/../c' ; cd /mnt/c; wslpath new; wslpath -a new; wslpath -w new; wslpath -aw new",
            "/mnt/c/c\nnew\n/mnt/c/new\nC:\\new\nC:\\new",
        ),
        (
            "wslpath -w /etc/wsl.conf-not-there; wslpath '\\\\wsl$\\N\\etc'",
            "\\\\wsl.localhost\\N\\etc\\wsl.conf-not-there\n/etc",
        ),
        ("wslpath 'D:\\a' || echo $?", "wslpath: D:\\a: Invalid argument\n1"),
        ("mount -t drvfs D: /mnt/x || echo $?", "mount: /mnt/x: special device D: does not exist.\n32"),
        ("mount -t drvfs C: /mnt/x -o umask=8 || echo $?", "mount: /mnt/x: Invalid argument (umask=8)\n32"),
        ("/sbin/mount.drvfs C: || echo $?", "mount: Invalid argument\n1"),
        (
            "wslinfo --networking-mode -n; wslinfo --msal-proxy-path",
            "mirrored/mnt/c/Program Files/WSL/msal.wsl.proxy.exe",
        ),
        ("wslinfo --vm-id --version >/dev/null || echo $?", "Usage:\n    --networking-mode"),
    ] {
        let out = sh(line);
        assert!(
            out == expected || (expected.starts_with("Usage") && out.starts_with(expected)),
            "{line}: {out}"
        );
    }
    let id = sh("wslinfo --vm-id");
    assert!(id.len() == 36 && id.matches('-').count() == 4, "{id}");
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn what_is_idle_ends() {
    let Some(sim) = Sim::for_starts("what_is_idle_ends") else { return };
    sim.tiny("Tiny");
    let info = || sim.ok(["-d", "Tiny", "-e", "/bin/wslinfo", "--vm-id"]);
    let (config, vm) = (sim.home().join(".wslconfig"), sim.home().join("vm.json"));
    fs::write(&config, "[general]\ninstanceIdleTimeout=50\n[wsl2]\nvmIdleTimeout=-1\n").expect("a file");
    let first = info();
    eventually("the distribution ends", || sim.run(["-l", "--running", "-q"]).out.is_empty());
    assert!(vm.exists(), "the virtual machine waits");
    assert_eq!(info(), first, "for the next one");
    let group = sim.cgroup("Tiny");
    sim.ok(["--shutdown"]);
    assert!(!vm.exists() && group.is_none_or(|group| !group.exists()), "it is left");
    fs::write(&config, "[wsl2]\nvmIdleTimeout=50\n").expect("a file");
    assert_ne!(info(), first);
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "Tiny\n", "without a time-out it stays");
    sim.ok(["-t", "Tiny"]);
    eventually("the virtual machine ends", || !vm.exists());
    fs::write(&config, "[wsl2]\nvmIdleTimeout=soon\n").expect("a file");
    let refused = sim.run(["-d", "Tiny", "-e", "/bin/wslinfo", "--vm-id"]);
    assert!(refused.err.contains(".wslconfig: wsl2.vmIdleTimeout is not \"soon\""), "{refused:?}");
    fs::remove_file(&config).expect("the file");
}

#[test]
#[ignore = "starts a distribution: checks/run gives what it takes"]
fn disks_are_managed() {
    let Some(sim) = Sim::for_starts("disks_are_managed") else { return };
    sim.tiny("Tiny");
    sim.tiny("Other");
    let target = sim.directory.path().join("new/place");
    let to = target.to_str().expect("a readable path");
    sim.ok(["-d", "Tiny", "-e", "/bin/wslinfo", "--vm-id"]);
    for words in [&["--move", to][..], &["--resize", "64GB"], &["-s", "true", "--allow-unsafe"]] {
        let refused = sim.run([&["--manage", "tiny"][..], words].concat());
        assert!(refused.code == 255 && refused.out.contains(IN_USE), "{refused:?}");
    }
    sim.ok(["-t", "Tiny"]);
    let refused = sim.run(["--manage", "Tiny", "--set-sparse", "true"]);
    assert!(refused.out.contains("disabled due to potential data corruption"), "{refused:?}");
    assert_eq!(sim.ok(["--manage", "Tiny", "--set-sparse", "true", "--allow-unsafe"]), DONE);
    assert_eq!(sim.ok(["--manage", "Tiny", "--resize", "1TB"]), DONE);
    let taken =
        sim.run(["--manage", "Tiny", "-m", sim.directory.path().join("Other").to_str().expect("a path")]);
    assert!(taken.out.contains("The supplied install location is already in use."), "{taken:?}");
    let inode = |path: &std::path::Path| -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).expect("the disk").ino()
    };
    let before = inode(&sim.inside("Tiny", "/"));
    assert_eq!(sim.ok(["--manage", "Tiny", "--move", to]), DONE);
    assert_eq!(inode(&target.join("rootfs")), before);
    assert!(!sim.directory.path().join("Tiny").exists(), "nothing is left at the old place");
    sim.ok(["-d", "Tiny", "-e", "/bin/wslinfo", "--vm-id"]);
    sim.ok(["-t", "Tiny"]);
    // A move whose command was killed once the disk had moved, and one that was killed before.
    let registration = sim.folder("Tiny").join("registration.json");
    for moved in [true, false] {
        let mut json = sim.registration("Tiny");
        let old = json["BasePath"].as_str().expect("a path").to_owned();
        let new = sim.directory.path().join(if moved { "third" } else { "fourth" });
        json["State"] = serde_json::json!({ "Exporting": { "pid": 1, "start": 1 } });
        json["MovingTo"] = serde_json::json!(new);
        fs::write(&registration, json.to_string()).expect("a registration");
        if moved {
            fs::create_dir(&new).expect("a directory");
            fs::rename(std::path::Path::new(&old).join("rootfs"), new.join("rootfs")).expect("the disk");
        }
        sim.ok(["-d", "Tiny", "-e", "/bin/wslinfo", "--vm-id"]);
        sim.ok(["-t", "Tiny"]);
        let place = sim.registration("Tiny")["BasePath"].clone();
        assert_eq!(place.as_str(), if moved { new.to_str() } else { Some(old.as_str()) });
    }
    assert_eq!(mounts(sim.directory.path()), [""; 0]);
}
