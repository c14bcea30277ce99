//! The user's systemd session, and the sockets of WSLg in it, under a real systemd (U§3 F21, F23-F25).
#![cfg(feature = "sim")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::patience::time_factor;
use crate::support::sim::{Ended, Sim, ended};

/// modules/wslg.nix.
const X11: &str = "[Unit]
After=local-fs.target systemd-tmpfiles-setup.service wslg.service
ConditionPathExists=/mnt/wslg/.X11-unix/X0
ConditionPathExists=!/tmp/.X11-unix/X0
ConditionPathIsSymbolicLink=!/tmp/.X11-unix
[Service]
Type=oneshot
RemainAfterExit=true
ExecStart=/bin/nixos-wsl mount-x11 /mnt/wslg/.X11-unix /tmp/.X11-unix
";
const TMPFS: &str = "[Unit]
DefaultDependencies=no
Conflicts=umount.target
Before=local-fs.target umount.target
[Mount]
What=tmpfs
Where=/tmp
Type=tmpfs
Options=mode=1777
";

/// Adds a unit that a target wants.
fn unit(sim: &Sim, name: &str, target: &str, text: &str) {
    let wants = sim.inside("NixOS", &format!("etc/systemd/system.control/{target}.wants"));
    fs::create_dir_all(&wants).expect("a folder");
    fs::write(wants.with_file_name(name), text).expect("a unit");
    let _ = fs::remove_file(wants.join(name));
    symlink(format!("../{name}"), wants.join(name)).expect("a link");
}

fn as_user(sim: &Sim, line: &str, wslg: &str) -> Ended {
    let mut command = sim.command(["-e", "/bin/sh", "-c", line]);
    ended(command.env("WSL_SIM_WSLG", wslg))
}

fn failed_units(sim: &Sim) -> String {
    sim.sh("NixOS", "systemctl list-units --failed --no-legend --plain")
}

/// A unit that takes longer than WSL waits: nothing of the user's session comes after it.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn f21_a_slow_unit_does_not_hold_up_the_user_s_session() {
    let Some(sim) = Sim::with_image("f21_a_slow_unit_does_not_hold_up_the_user_s_session") else { return };
    let pause = 60 * time_factor();
    let slow = |kind: &str| {
        format!("[Unit]\nAfter=basic.target\n[Service]\nType={kind}\nExecStart=/bin/sh -c 'sleep {pause}'\n")
    };
    unit(&sim, "slow.service", "multi-user.target", &slow("exec"));
    let first = sim.run(["--", "echo", "a shell"]);
    assert_eq!((first.code, first.out.as_str(), first.err.as_str()), (0, "a shell\n", ""));
    assert_eq!(sim.hidden("NixOS"), "", "systemd is ready in time");
    assert_eq!(sim.sh("NixOS", "systemctl is-active slow.service"), "active");
    sim.ok(["-t", "NixOS"]);

    sim.let_limits_expire();
    // One that its target waits for: WSL goes on without the target, and the session is there all the same.
    unit(&sim, "slow.service", "multi-user.target", &slow("oneshot"));
    let first = sim.run(["--", "echo", "a shell"]);
    assert_eq!((first.code, first.out.as_str()), (0, "a shell\n"));
    assert!(!first.err.contains("Failed to start the systemd user session"), "{first:?}");
    let states = sim.sh("NixOS", "systemctl is-active user@1000.service slow.service || true");
    assert_eq!(states, "active\nactivating", "the session is there although the unit is not done");
    let chain = sim.sh("NixOS", "systemctl list-dependencies --after --all --plain user@1000.service");
    assert!(chain.contains("basic.target"), "{chain}");
    for late in ["slow.service", "multi-user.target", "network-online.target"] {
        assert!(!chain.contains(late), "user@ comes after {late}: {chain}");
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn f23_the_x11_sockets_are_there_in_every_layout() {
    let Some(sim) = Sim::with_image("f23_the_x11_sockets_are_there_in_every_layout") else { return };
    let sockets = sim.inside("NixOS", "tmp/.X11-unix");
    unit(&sim, "nixos-wsl-x11.service", "multi-user.target", X11);
    for tmpfs in [false, true] {
        if tmpfs {
            unit(&sim, "tmp.mount", "local-fs.target", TMPFS);
        }
        for layout in ["absent", "folder", "link"] {
            for wslg in ["present", "headless", "absent"] {
                let _ = fs::remove_file(&sockets);
                let _ = fs::remove_dir_all(&sockets);
                match layout {
                    "folder" => fs::create_dir(&sockets).expect("a folder"),
                    "link" => symlink("/mnt/wslg/.X11-unix", &sockets).expect("a link"),
                    _ => {}
                }
                let what = format!(
                    "{layout}, /tmp {}, WSLg {wslg}",
                    if tmpfs { "of its own" } else { "on the disk" }
                );
                let shell = as_user(
                    &sim,
                    "systemctl is-system-running --wait; test -S /tmp/.X11-unix/X0; echo $?",
                    wslg,
                );
                // Headless is without Wayland.
                let there = if wslg == "absent" { "1" } else { "0" };
                assert_eq!(
                    shell.out,
                    format!("running\n{there}\n"),
                    "{what}: {shell:?}: {}",
                    failed_units(&sim)
                );
                assert_eq!(failed_units(&sim), "", "{what}");
                let analysis =
                    "systemd-analyze verify --man=no nixos-wsl-x11.service 2>&1 | grep -i cycle || true";
                assert_eq!(sim.sh("NixOS", analysis), "", "{what}");
                sim.ok(["-t", "NixOS"]);
            }
        }
    }
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn f24_wayland_and_sound_are_linked_and_their_absence_is_no_failure() {
    let test = "f24_wayland_and_sound_are_linked_and_their_absence_is_no_failure";
    let Some(sim) = Sim::with_image(test) else { return };
    let links = "systemctl --user is-system-running --wait; cd $XDG_RUNTIME_DIR && readlink wayland-0 pulse/native; systemctl --user list-units --failed --no-legend";
    let expected = "running\n/mnt/wslg/runtime-dir/wayland-0\n/mnt/wslg/runtime-dir/pulse/native\n";
    assert_eq!(as_user(&sim, links, "present").out, expected);
    // A session that ends takes nothing with it that the next one needs.
    sim.sh("NixOS", "loginctl terminate-seat seat0 2>/dev/null || true");
    assert_eq!(as_user(&sim, links, "present").out, expected);
    sim.ok(["-t", "NixOS"]);

    let conf = sim.inside("NixOS", "etc/wsl.conf");
    let before = fs::read_to_string(&conf).expect("wsl.conf");
    let _ = fs::remove_file(&conf);
    fs::write(&conf, format!("{before}\n[general]\nguiApplications=false\n")).expect("wsl.conf");
    for wslg in ["present", "absent"] {
        let state = as_user(&sim, "systemctl --user is-system-running --wait; echo ${DISPLAY-none}", wslg);
        assert_eq!((state.out.as_str(), state.err.as_str()), ("running\nnone\n", ""), "WSLg {wslg}");
        assert_eq!(failed_units(&sim), "", "WSLg {wslg}");
        sim.ok(["-t", "NixOS"]);
    }
}

/// A switch on a machine without a display, and without a user's bus.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn f25_a_switch_needs_no_user_s_bus() {
    let Some(sim) = Sim::with_image("f25_a_switch_needs_no_user_s_bus") else { return };
    let mut command =
        sim.command(["-u", "root", "-e", "/bin/sh", "-c", "systemctl is-system-running --wait"]);
    assert_eq!(ended(command.env("WSL_SIM_WSLG", "absent")).out, "running\n");
    sim.sh(
        "NixOS",
        "systemctl stop user@1000.service; systemctl mask --runtime user@1000.service user@0.service",
    );
    assert!(!Path::new(&sim.inside("NixOS", "run/user/1000/bus")).exists());
    let switched = sim.sh(
        "NixOS",
        "test ! -e /run/user/1000/bus; env -u DISPLAY -u DBUS_SESSION_BUS_ADDRESS /nix/var/nix/profiles/system/bin/switch-to-configuration switch; echo $?",
    );
    assert!(switched.ends_with("\n0"), "{switched}");
    assert_eq!(failed_units(&sim), "");
}
