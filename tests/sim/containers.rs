//! Rootless containers, as podman starts them, by crun of Debian: ids from /etc/subuid, and a cgroup below the user's own
//! systemd.
#![cfg(feature = "sim")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::patience::eventually;
use crate::support::sim::{Sim, every_way_image_name, with_input};

/// Where the user keeps the container.
const BUNDLE: &str = "/home/nixos/bundle";
const SCOPE: &str = "test-one.scope";
/// What the user's systemd is to hand on (modules/systemd.nix).
const DELEGATED: &str = "cpu cpuset io memory pids";

/// What runs inside, as its root.
const INSIDE: &str = "umask 022; echo $$ >/up; id -u >/user; echo file >/file; chown 1000:1000 /file; \
                      mkdir /sys/fs/cgroup/own && echo made >>/user; cat /proc/self/cgroup >>/user; mv /up /ready; \
                      exec sleep 100000";

/// The container, as the runtime's specification has it, with these limits.
fn config(resources: &Value) -> Value {
    let of_ids = |id: u32| json!([{ "containerID": 0, "hostID": id, "size": 1 }, { "containerID": 1, "hostID": 100_000, "size": 65_536 }]);
    let chown = json!(["CAP_CHOWN"]);
    let namespaces: Vec<_> =
        ["ipc", "uts", "mount", "user", "cgroup"].map(|name| json!({ "type": name })).into();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "capabilities": { "bounding": chown, "effective": chown, "permitted": chown },
            "args": ["/bin/sh", "-c", INSIDE],
            "env": ["PATH=/bin"],
            "cwd": "/",
        },
        "root": { "path": "rootfs" },
        "mounts": [
            { "destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"] },
            { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"] },
        ],
        "linux": {
            "uidMappings": of_ids(1000),
            "gidMappings": of_ids(100),
            "namespaces": namespaces,
            "cgroupsPath": "user.slice:test:one",
            "resources": resources,
        },
    })
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_rootless_container_has_ids_and_a_group_of_its_users() {
    let test = "a_rootless_container_has_ids_and_a_group_of_its_users";
    let Some(sim) = Sim::for_starts(test) else { return };
    sim.import_image("NixOS", every_way_image_name());
    let user = |line: &str| {
        let ended = with_input(&mut sim.command(["-d", "NixOS", "--", "bash"]), line.as_bytes());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{line}: {ended:?}");
        ended.out.trim_end().to_owned()
    };

    // The user's systemd has what limits take, as far as there is something to hand on.
    assert_eq!(user("systemctl --user is-system-running --wait"), "running");
    let property = |name: &str| user(&format!("systemctl show -P {name} user@1000.service"));
    assert_eq!((property("Delegate"), property("DelegateControllers")), ("yes".into(), DELEGATED.into()));
    let manager = property("ControlGroup");
    let available = user(&format!("cat /sys/fs/cgroup{manager}/cgroup.controllers"));
    let available: Vec<_> =
        DELEGATED.split(' ').filter(|one| available.split(' ').any(|it| it == *one)).collect();

    let mut resources = json!({});
    let mut limits = Vec::new();
    for (controller, limit, file) in [
        ("memory", json!({ "limit": 67_108_864 }), "memory.max:67108864"),
        ("pids", json!({ "limit": 20 }), "pids.max:20"),
    ] {
        if available.contains(&controller) {
            resources[controller] = limit;
            limits.push(file);
        }
    }
    if limits.is_empty() {
        println!("SKIP {test}, the limits of it: no controllers in this cgroup2 hierarchy");
    }

    let bundle = sim.inside("NixOS", BUNDLE);
    let rootfs = bundle.join("rootfs");
    fs::create_dir_all(rootfs.join("bin")).expect("a folder");
    for folder in ["proc", "dev", "sys/fs/cgroup"] {
        fs::create_dir_all(rootfs.join(folder)).expect("a folder");
    }
    let script = "cp -L \"$(command -v busybox)\" \"$0/bin/busybox\" && for name in sh id chown mkdir mv cat sleep; do \
                  ln -s busybox \"$0/bin/$name\" || exit; done";
    assert!(Command::new("sh").args(["-c", script]).arg(&rootfs).status().expect("sh").success(), "busybox");
    fs::write(bundle.join("config.json"), config(&resources).to_string()).expect("a file");
    sim.sh("NixOS", &format!("chown -R nixos:users {BUNDLE}"));

    let crun = format!(
        "cd {BUNDLE} && crun --systemd-cgroup run --detach --pid-file pid one </dev/null >log 2>&1 || cat log"
    );
    assert_eq!(user(&crun), "");
    eventually("the container is up", || rootfs.join("ready").exists());
    let inside = fs::read_to_string(rootfs.join("user")).expect("what it has said");
    assert!(inside.starts_with("0\nmade\n"), "{inside}");
    assert!(inside.lines().any(|line| line == "0::/"), "a namespace of its own: {inside}");

    // Its root is the user, and another id one of the range in /etc/subuid.
    let line = format!(
        "cd {BUNDLE}; tr -s ' ' <\"/proc/$(cat pid)/uid_map\"; stat -c %u:%g rootfs/ready rootfs/file; \
         grep -o '^0::.*' /proc/$(cat pid)/cgroup"
    );
    let seen = user(&line);
    let group = seen.strip_prefix(" 0 1000 1\n 1 100000 65536\n1000:100\n100999:100999\n0::");
    let group = group.unwrap_or_else(|| panic!("{seen}"));
    let scope = format!("{manager}/user.slice/{SCOPE}");
    assert!(group == scope || group.starts_with(&format!("{scope}/")), "{seen}");
    let line = format!(
        "systemctl --user is-active {SCOPE}; cd /sys/fs/cgroup{scope} && mkdir mine && rmdir mine; \
         grep -s . memory.max pids.max; true"
    );
    assert_eq!(user(&line).lines().collect::<Vec<_>>(), [&["active"][..], &limits].concat());

    assert_eq!(user("crun delete --force one; crun list --quiet"), "");
    let state = format!("systemctl --user is-active {SCOPE} || true");
    eventually("its scope has ended", || user(&state) == "inactive");
    let gone = format!("test -e /sys/fs/cgroup{scope} || echo gone");
    assert_eq!(user(&gone), "gone");
}
