//! `/sys` and `/proc/sys` of the virtual machine: they can be written as under WSL, and this machine notices nothing.
#![cfg(feature = "sim")]

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};

use crate::support::patience::eventually;
use crate::support::sim::{Sim, ended, every_way_image_name, image_name, mounted};

const SETTINGS: [&str; 7] = [
    "/proc/sys/vm/swappiness",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/shmmax",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/nr_open",
    "/sys/class/net/lo/mtu",
];

fn of_this_machine() -> Vec<String> {
    SETTINGS.map(|path| fs::read_to_string(path).expect("a setting")).into()
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn settings_of_the_kernel_are_the_virtual_machines() {
    const TEST: &str = "settings_of_the_kernel_are_the_virtual_machines";
    let Some(sim) = Sim::with_fuse(TEST) else { return };
    sim.import_image("NixOS", image_name());
    sim.import_image("Other", "namespace-image.tar.gz");
    let before = of_this_machine();
    let sysctl =
        "kernel.panic = 11\nvm.swappiness = 7\nkernel.core_pattern = core.test\nkernel.shmmax = 4096\n";
    fs::create_dir_all(sim.inside("NixOS", "etc/sysctl.d")).expect("a folder");
    fs::write(sim.inside("NixOS", "etc/sysctl.d/90-test.conf"), sysctl).expect("a file");
    let line = "systemctl is-active systemd-sysctl.service; cd /proc/sys; \
                cat kernel/panic vm/swappiness kernel/core_pattern kernel/shmmax kernel/hostname; \
                sysctl -n -w vm.swappiness=8; sysctl -w vm.swappiness=much 2>&1; cat vm/swappiness; \
                echo 1280 >/sys/class/net/lo/mtu; cat /sys/class/net/lo/mtu";
    assert_eq!(
        sim.sh("NixOS", &format!("{{ {line}; }}")),
        "active\n11\n7\ncore.test\n4096\nTest-PC\n8\nsysctl: setting key \"vm.swappiness\": Invalid argument\n8\n1280"
    );
    // Who has it open could reach it past what is mounted there.
    let open = "find /proc/[0-9]*/fd -lname /proc/sys 2>/dev/null; true";
    assert_eq!(sim.outside("NixOS", open), "", "WSL's init keeps a descriptor");
    // The same kernel, but for what is of a distribution's own namespaces.
    let other = sim.outside("Other", "cat /proc/sys/vm/swappiness /proc/sys/kernel/shmmax");
    assert_eq!(other, format!("8\n{}", before[3].trim_end()));
    // Whatever is mounted again or anew.
    let line = "mount -o remount,rw /proc; mount -t sysfs -o remount,rw sysfs /sys; echo 3 >/proc/sys/kernel/panic; \
                mkdir /mnt/sys; mount -t sysfs again /mnt/sys; echo change >/mnt/sys/class/mem/null/uevent; echo $?";
    assert_eq!(sim.sh("NixOS", &format!("{{ {line}; }} 2>&1 | tail -n 1")), "1");
    // In a proc of its own each distribution finds this machine's, and writes what is there already.
    let log = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("a log");
    if log.contains("no BPF, so that") {
        println!("SKIP {TEST}, another /proc: no BPF for cgroups in this kernel");
    } else {
        let line = "mkdir /mnt/proc && mount -t proc again /mnt/proc && cd /mnt/proc/sys; cat vm/swappiness; \
                    for name in vm/swappiness kernel/panic fs/nr_open kernel/core_pattern; do \
                    cat $name >/run/same; cat /run/same >$name && echo $name; done; \
                    echo Other >kernel/hostname; hostname; echo 1290 >net/ipv4/route/min_pmtu && echo written; \
                    systemd-run --quiet --wait --pipe -p ProtectProc=invisible sh -c \
                    'cat /proc/sys/vm/swappiness; cat /proc/sys/vm/swappiness >/proc/sys/vm/swappiness && echo written'; cd /; \
                    umount /mnt/proc";
        let swappiness = before[0].trim_end();
        assert_eq!(
            sim.sh("NixOS", &format!("{{ {line}; }} 2>/dev/null")),
            format!("{swappiness}\nOther\nwritten\n{swappiness}")
        );
    }
    assert_eq!(of_this_machine(), before, "nothing of it is this machine's");
    sim.ok(["--shutdown"]);
    let line = "cat /proc/sys/vm/swappiness";
    assert_eq!(sim.outside("Other", line), before[0].trim_end(), "another machine");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn udev_is_told_of_devices_and_this_machine_is_not() {
    let Some(sim) = Sim::with_fuse("udev_is_told_of_devices_and_this_machine_is_not") else { return };
    sim.import_image("NixOS", every_way_image_name());
    let protocol = Some(netlink::KOBJECT_UEVENT);
    let machine =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol);
    let machine = machine.expect("a socket");
    // Room for what other tests have the kernel say meanwhile.
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&machine, 1 << 24).expect("a buffer");
    rustix::net::bind(&machine, &netlink::SocketAddrNetlink::new(0, 1)).expect("every group");

    let line = "systemctl is-system-running --wait; systemctl is-active systemd-udevd systemd-udev-trigger; \
                udevadm trigger --action=change --subsystem-match=mem && udevadm settle; \
                systemctl list-units --type=device --no-legend --plain";
    let udev = format!("export SYSTEMD_DEVICE_VERIFY_SYSFS=0; {line}");
    let out = sim.sh("NixOS", &udev);
    assert!(out.starts_with("running\nactive\nactive\n"), "{out}");
    // The unit asks for a capability that the simulator takes away. Told not to, it looks for the module.
    let load = "systemctl show -p ActiveState -p ConditionResult systemd-modules-load";
    assert_eq!(sim.sh("NixOS", load), "ActiveState=inactive\nConditionResult=no");
    let line = "mkdir -p /run/systemd/system/NAME.d && printf '[Unit]\\nConditionCapability=\\n' >/run/systemd/system/NAME.d/test.conf && \
                systemctl daemon-reload && systemctl start NAME && systemctl is-active NAME && journalctl --sync && \
                journalctl -q -b -t systemd-modules-load -o cat | grep -o \"find module 'vhci-hcd'\"";
    let line = line.replace("NAME", "systemd-modules-load.service");
    assert_eq!(sim.sh("NixOS", &line), "active\nfind module 'vhci-hcd'", "and goes on without");
    // What udev has heard of it has a file there.
    eventually("udev knows /dev/null", || sim.sh("NixOS", "ls /run/udev/data").contains("c1:3"));
    assert_eq!(sim.sh("NixOS", "echo explode >/sys/class/mem/null/uevent; echo $?"), "1");

    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match rustix::net::recv(&machine, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((count, _)) => count,
            Err(Errno::AGAIN) => break,
            Err(error) => panic!("not everything was heard: {error}"),
        };
        let message = String::from_utf8_lossy(&buffer[..count]);
        assert!(!message.contains("SYNTH_UUID"), "this machine's devices were asked: {message:?}");
    }
}

/// Where another device, or nothing that could be opened, stands in the place of `/dev/fuse`.
#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn without_fuse_a_system_has_none_of_this_machines_sys() {
    let Some(sim) = Sim::for_starts("without_fuse_a_system_has_none_of_this_machines_sys") else { return };
    sim.import_image("NixOS", image_name());
    let before = of_this_machine();
    let hidden = sim.directory.path().join("hidden");
    fs::write(&hidden, "").expect("a file");
    for cover in [Path::new("/dev/null"), &hidden] {
        // The first start brings the virtual machine, which keeps these mounts.
        let start = sim.command(["-d", "NixOS", "-u", "root", "-e", "/bin/true"]);
        let line = "if [ -e /dev/fuse ]; then mount --bind \"$0\" /dev/fuse; fi";
        let started = ended(&mut mounted(&start, line, cover));
        assert_eq!(started.code, 0, "{started:?}");
        assert_eq!(sim.sh("NixOS", "systemctl is-system-running --wait"), "running");
        let log = fs::read_to_string(sim.folder("NixOS").join("kmsg.log")).expect("a log");
        assert!(log.contains("no FUSE: /sys shows nothing"), "{log}");
        // As the activation does it, and then udev's trigger.
        let line = "mount -n -t sysfs -o remount,rw,nosuid,noexec,nodev sysfs /sys; findmnt -n -o FSTYPE /sys; \
                    udevadm trigger --action=change; find /sys -mindepth 1 -path /sys/fs/cgroup -prune -o -type f -print; \
                    ls /sys; ls /sys/class; echo 3 2>/dev/null >/proc/sys/kernel/panic || echo read-only";
        assert_eq!(
            sim.sh("NixOS", &format!("{{ {line}; }}")),
            "tmpfs\nblock\nbus\nclass\ndev\ndevices\nfs\nkernel\nread-only"
        );
        assert_eq!(of_this_machine(), before, "nothing of it is this machine's");
        sim.ok(["--shutdown"]);
    }
}
