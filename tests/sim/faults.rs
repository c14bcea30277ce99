//! What goes wrong in or around a running distribution: crashes, hidden faults, and the machine's protection.
#![cfg(feature = "sim")]

use crate::support::patience::eventually;
use crate::support::sim;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::sim::{Sim, exists, mounts, namespace, systemd_exec, with_input};

/// WSL tries a disk by a folder of a drawn name, which a kill leaves there (W§11).
#[test]
#[ignore = "needs root: checks/run gives it"]
fn folders_of_killed_starts_are_in_nobodys_way() {
    let Some(sim) = Sim::for_starts("folders_of_killed_starts_are_in_nobodys_way") else { return };
    sim.tiny("One");
    for name in ["wsl000000", "wsl000001"] {
        fs::create_dir(sim.inside("One", name)).expect("a folder");
    }
    sim.ok(["-d", "One", "-e", "/bin/wslinfo", "--wsl-version"]);
    assert!(!sim.inside("One", "wsl000002").exists());
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_distribution_ends_with_wsls_init_and_with_its_own() {
    let Some(sim) = Sim::with_image("the_distribution_ends_with_wsls_init_and_with_its_own") else { return };
    sim.sh("NixOS", "true");
    let supervisor = sim.supervisor("NixOS");
    if namespace() {
        // WSL's init is process 1, which nothing from inside can kill; systemd's end is systemd's alone.
        sim.outside("NixOS", "kill -9 1");
        let ended = sim.run(
            [&["-u", "root"][..], &systemd_exec(&["/bin/sh", "-c", "systemctl poweroff; sleep 100"])]
                .concat(),
        );
        assert_ne!(ended.code, 0, "{ended:?}");
        assert!(exists(supervisor), "the distribution goes on");
    } else {
        sim.run(["-u", "root", "-e", "/bin/sh", "-c", "kill -9 2; sleep 10"]);
        eventually("the supervisor ends", || !exists(supervisor));
        assert!(!sim.folder("NixOS").join("instance.json").exists(), "it has cleaned up by itself");
        sim.sh("NixOS", "true");
        let supervisor = sim.supervisor("NixOS");
        // WSL's init ignores SIGTERM, so systemd waits for it; a terminate does not.
        sim.run(["-u", "root", "-e", "/bin/sh", "-c", "systemctl poweroff; sleep 100"]);
        sim.ok(["-t", "NixOS"]);
        assert!(!exists(supervisor));
    }
    assert_eq!(sim.sh("NixOS", "systemctl is-system-running"), "running");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn first_commands_at_the_same_time_start_one_system() {
    let Some(sim) = Sim::with_image("first_commands_at_the_same_time_start_one_system") else { return };
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let line = ["/bin/sh", "-c", "systemctl show -P UserspaceTimestampMonotonic"];
            let mut command = sim.command([&["-u", "root"][..], &systemd_exec(&line)].concat());
            command.stdout(Stdio::piped()).spawn().expect("wsl-sim")
        })
        .collect();
    let starts: Vec<_> =
        clients.into_iter().map(|client| client.wait_with_output().expect("its end").stdout).collect();
    assert!(!starts[0].is_empty() && starts.iter().all(|start| *start == starts[0]), "{starts:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn faults_that_wsl_hides_are_reported() {
    let Some(sim) = Sim::with_image("faults_that_wsl_hides_are_reported") else { return };
    let conf = sim.inside("NixOS", "etc/wsl.conf");
    let good = fs::read_to_string(&conf).expect("wsl.conf");
    let write = |text: &str| {
        let _ = fs::remove_file(&conf);
        fs::write(&conf, text).expect("wsl.conf");
    };
    write(&format!("{good}\n[boot]\nfoo = 1\n; a comment\n[user]\ndefault = root\n"));
    let ended = sim.run(["--", "id", "-un"]);
    assert_eq!(ended.out, "nixos\n");
    assert!(ended.err.contains("wsl: Unknown key 'boot.foo' in /etc/wsl.conf:"), "{}", ended.err);
    assert!(ended.err.contains("wsl: Invalid key name in /etc/wsl.conf:"), "{}", ended.err);
    assert!(ended.err.contains("wsl-sim: hidden by WSL: a malformed line ended wsl.conf"), "{}", ended.err);
    sim.ok(["-t", "NixOS"]);

    // A NixOS that manages /etc/hostname and wsl.conf by links into its store: WSL writes there, and misses the latter.
    let store = sim.inside("NixOS", "nix/store");
    fs::write(store.join("hostname"), "from the store\n").expect("a store path");
    fs::write(store.join("wsl.conf"), format!("{good}\n[general]\nguiApplications = false\n"))
        .expect("a store path");
    for name in ["hostname", "wsl.conf"] {
        let _ = fs::remove_file(sim.inside("NixOS", "etc").join(name));
        symlink(format!("/nix/store/{name}"), sim.inside("NixOS", "etc").join(name)).expect("a link");
    }
    let ended = sim.run(["--", "id", "-un"]);
    assert_eq!(ended.out, "nixos\n", "{}", ended.err);
    assert!(
        ended.err.contains("hidden by WSL: /nix/store/hostname in the store was changed by this start"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("hidden by WSL: wsl.conf reads differently from outside"), "{}", ended.err);
    assert_eq!(fs::read_to_string(store.join("hostname")).expect("the file"), "Test-PC\n");
    sim.ok(["-t", "NixOS"]);
    let _ = fs::remove_file(sim.inside("NixOS", "etc/hostname"));
    write(&good);
    // The old hierarchies: as on WSL's own kernel, there are none.
    write(&format!("{good}\n[automount]\ncgroups = v1\n"));
    let ended =
        sim.run(["-u", "root", "-e", "/bin/sh", "-c", "test -e /sys/fs/cgroup/cgroup.procs && echo v2"]);
    assert_eq!(ended.out, "v2\n", "{}", ended.err);
    assert!(ended.err.contains("hidden by WSL: automount.cgroups = v1 has no effect"), "{}", ended.err);
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn wslg_and_drives_in_all_variants() {
    let Some(sim) = Sim::with_image("wslg_and_drives_in_all_variants") else { return };
    for (variant, x11, wayland) in
        [("present", true, true), ("headless", true, false), ("absent", false, false)]
    {
        let line = "test -S /tmp/.X11-unix/X0 && echo x11; test -S /mnt/wslg/runtime-dir/wayland-0 && echo wayland; systemctl is-system-running";
        let mut command =
            sim.command([&["-u", "root"][..], &systemd_exec(&["/bin/sh", "-c", line])].concat());
        let ended = sim::ended(command.env("WSL_SIM_WSLG", variant).env("WSL_SIM_DRIVES", "cd"));
        let expected =
            format!("{}{}running\n", if x11 { "x11\n" } else { "" }, if wayland { "wayland\n" } else { "" });
        assert_eq!((ended.out, ended.err.as_str()), (expected, ""), "{variant}");
        assert_eq!(
            sim.sh("NixOS", "touch /mnt/d/file; stat -c %F /mnt/c /mnt/d"),
            "directory\ndirectory",
            "{variant}"
        );
        assert_eq!(sim.hidden("NixOS"), "", "{variant}");
        sim.ok(["-t", "NixOS"]);
    }
    let mut command = sim.command(["--", "echo", "safe"]);
    let safe = sim::ended(command.env("WSL_SIM_SAFE_MODE", "1"));
    assert_eq!(safe.out, "safe\n", "a shell without systemd and activation: {}", safe.err);
    // WSL's safe mode is about what WSL does; a first shell that starts systemd itself goes on doing so.
    let state = sim.outside("NixOS", "test -d /run/systemd/system || echo no systemd");
    assert_eq!(state, if namespace() { "" } else { "no systemd" });
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn the_machine_is_out_of_reach() {
    let Some(sim) = Sim::with_image("the_machine_is_out_of_reach") else { return };
    let secret = sim.directory.path().join("outside");
    fs::write(&secret, "").expect("a file");
    let outside = secret.to_str().expect("a path");
    let line = format!(
        "ls {outside} /proc/1/root{outside} 2>/dev/null; \
         echo 1 >/proc/sysrq-trigger || echo kept; \
         echo 1 >/proc/sys/net/ipv4/ip_forward && echo own; \
         true >/init || echo kept; \
         ls /dev | grep -E '^(sd|vd|nvme|mem)' ; \
         ls /sys/class/net; ls /proc | grep -cE '^[0-9]+$'"
    );
    let out = sim.sh("NixOS", &format!("{{ {line}; }} 2>/dev/null"));
    let mut lines: Vec<_> = out.lines().collect();
    let processes: usize = lines.pop().and_then(|count| count.parse().ok()).expect("a number");
    assert!(processes < 40, "only its own processes: {processes}");
    assert_eq!(lines, ["kept", "own", "kept", "lo"], "{out}");
    for namespace in ["mnt", "uts", "ipc", "pid", "net", "cgroup"] {
        let outside = fs::read_link(format!("/proc/self/ns/{namespace}")).expect("a namespace");
        let inside = sim.sh("NixOS", &format!("readlink /proc/1/ns/{namespace}"));
        assert_ne!(outside.to_str(), Some(inside.as_str()), "{namespace}");
    }
    assert_eq!(mounts(sim.directory.path()), [""; 0], "nothing of it is mounted on the machine");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_distribution_without_systemd_and_one_that_cannot_start() {
    let test = "a_distribution_without_systemd_and_one_that_cannot_start";
    let Some(sim) = Sim::for_starts(test) else { return };
    sim.tiny("Tiny");
    // No /bin/mount, no drives.
    let refused = sim.run(["-e", "/bin/wslpath", "C:\\a"]);
    assert!(refused.code == 1 && refused.err.contains("wslpath: C:\\a: Invalid argument"), "{refused:?}");
    let conf = sim.inside("Tiny", "etc/wsl.conf");
    sim.ok(["-t", "Tiny"]);
    // No /sbin/init: systemd is off, and nobody says so.
    fs::write(&conf, "[boot]\nsystemd=true\n").expect("wsl.conf");
    assert_eq!(sim.ok(["-e", "/bin/wslinfo", "--networking-mode"]), "nat");
    assert!(sim.hidden("Tiny").contains("/sbin/init"), "{}", sim.hidden("Tiny"));
    sim.ok(["-t", "Tiny"]);
    // One that is no program: PID 1 dies, and the launch with it.
    fs::write(sim.inside("Tiny", "sbin/init"), "no program").expect("init");
    Command::new("chmod").arg("755").arg(sim.inside("Tiny", "sbin/init")).status().expect("chmod");
    let failed = sim.run(["-e", "/bin/wslinfo", "--networking-mode"]);
    assert_eq!(failed.code, 255, "{failed:?}");
    assert!(failed.err.contains("execute /sbin/init: Exec format error"), "{failed:?}");
    assert_eq!(sim.run(["-l", "--running", "-q"]).out, "");
    // A dangling /bin is fatal to WSL's own start.
    fs::remove_dir_all(sim.inside("Tiny", "bin")).expect("a directory");
    symlink("/nowhere/at/all", sim.inside("Tiny", "bin")).expect("a link");
    let failed = sim.run(["-e", "/bin/wslinfo"]);
    assert_eq!(failed.code, 255, "{failed:?}");
    assert!(failed.err.contains("wsl-sim: link /bin/wslinfo"), "{failed:?}");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn fifty_starts_leave_nothing() {
    let test = "fifty_starts_leave_nothing";
    let Some(sim) = Sim::for_starts(test) else { return };
    sim.tiny("Tiny");
    let files = || {
        let mut names: Vec<_> = fs::read_dir(sim.folder("Tiny"))
            .expect("the folder")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        names
    };
    let cgroups = |hierarchy: &Path| {
        fs::read_dir(hierarchy)
            .expect("the hierarchy")
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .count()
    };
    sim.ok(["-e", "/bin/wslinfo", "--networking-mode"]);
    let cgroup = sim.instance("Tiny")["cgroup"].as_str().expect("a path").to_owned();
    let hierarchy = Path::new(&cgroup).parent().expect("a hierarchy").to_owned();
    sim.ok(["-t", "Tiny"]);
    let before = files();
    let mut groups = Vec::new();
    for _ in 0..50 {
        assert_eq!(
            with_input(&mut sim.command(["-e", "/bin/wslinfo", "--networking-mode"]), b"").out,
            "nat\n"
        );
        groups.push(sim.instance("Tiny")["cgroup"].as_str().expect("a path").to_owned());
        let processes = sim.processes("Tiny");
        sim.ok(["-t", "Tiny"]);
        assert!(processes.iter().all(|&pid| !exists(pid)), "a process is left");
    }
    assert!(
        groups.iter().all(|group| !Path::new(group).exists()),
        "a cgroup is left of {}",
        cgroups(&hierarchy)
    );
    assert_eq!(files(), before);
    assert_eq!(mounts(sim.directory.path()), [""; 0]);
}
