//! `nixos-wsl apply` where `/bin` or `/usr/bin` is a mount, as services.envfs makes them: the files below it are brought up
//! to date, and the mount stays.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;

use crate::support::world::{World, stderr, stdout};

/// The plan of a system whose programs say that they are of this version.
fn plan(world: &World, version: &str) {
    world.write(format!("nix/store/text-{version}"), version);
    let copy =
        |name: &str| format!(r#"{{"name":"{name}","source":"/nix/store/text-{version}","mode":"0755"}}"#);
    let tree = |path: &str| {
        let link = format!(r#"{{"name":"link","target":"/nix/store/text-{version}"}}"#);
        format!(r#"{{"path":"{path}","entries":[{},{link}]}}"#, copy("program"))
    };
    world.write(
        "etc/root.json",
        &format!(
            r#"{{"version":1,
            "files":[{{"path":"/usr/bin/file","source":"/nix/store/text-{version}","mode":"0644"}}],
            "links":[{{"path":"/usr/bin/env","target":"/nix/store/text-{version}"}}],
            "trees":[{},{}]}}"#,
            tree("/bin"),
            tree("/usr/bin/tree")
        ),
    );
}

/// What a system of this version has on the disk.
fn check(world: &World, version: &str) {
    for file in ["bin/program", "usr/bin/file", "usr/bin/tree/program"] {
        assert_eq!(world.read(file), version, "{file}");
    }
    for link in ["bin/link", "usr/bin/env", "usr/bin/tree/link"] {
        assert_eq!(
            fs::read_link(world.path(link)).unwrap().to_str().unwrap(),
            format!("/nix/store/text-{version}")
        );
    }
}

/// Where the harness's own programs are, no tree of the plan may be a mount.
fn world() -> World {
    let world = World::with_generations(1);
    world.install("nixos-wsl", "nix/store/tools/bin/nixos-wsl");
    fs::create_dir_all(world.path("usr/bin")).unwrap();
    world
}

const APPLY: &str = "/nix/store/tools/bin/nixos-wsl";

#[test]
fn files_below_a_mount_are_brought_up_to_date_and_the_mount_stays() {
    needs_world!("files_below_a_mount_are_brought_up_to_date_and_the_mount_stays");
    let world = world();
    plan(&world, "1");
    let running = world.boot();
    let applied = running.run(APPLY, &["apply", "/etc/root.json"]);
    assert!(applied.status.success(), "{}", stderr(&applied));
    check(&world, "1");

    let sh = |script: &str| running.run("/nix/store/tools/bin/sh", &["-c", script]);
    for options in ["", "-o ro"] {
        for path in ["/bin", "/usr/bin"] {
            let mounted = sh(&format!(
                "mount -t tmpfs over {path} && echo hidden >{path}/hidden && mount -o remount,rw{} over {path}",
                options.replace("-o ", ",")
            ));
            assert!(mounted.status.success(), "{}", stderr(&mounted));
        }
        let version = if options.is_empty() { "2" } else { "3" };
        plan(&world, version);
        let applied = running.run(APPLY, &["apply", "/etc/root.json"]);
        assert!(applied.status.success(), "{}", stderr(&applied));
        check(&world, version);
        let seen = sh("ls /bin /usr/bin; grep -c ' over ' /proc/mounts; grep -c . /proc/self/mountinfo");
        let text = stdout(&seen);
        assert!(text.starts_with("/bin:\nhidden\n\n/usr/bin:\nhidden\n"), "{text}");
        // Nothing of the private view is left.
        assert_eq!(sh("ls / | grep -c nixos-wsl").stdout, b"0\n");
    }
}

/// A file that something is mounted on cannot be replaced without taking the mount away: it is named, the rest is done.
#[test]
fn a_mount_on_a_single_file_is_named() {
    needs_world!("a_mount_on_a_single_file_is_named");
    let world = world();
    plan(&world, "1");
    let running = world.boot();
    assert!(running.run(APPLY, &["apply", "/etc/root.json"]).status.success());
    let sh = |script: &str| running.run("/nix/store/tools/bin/sh", &["-c", script]);
    assert!(sh("mount --bind /etc/passwd /usr/bin/file").status.success());
    plan(&world, "2");
    let applied = running.run(APPLY, &["apply", "/etc/root.json"]);
    let said = stderr(&applied);
    assert!(applied.status.success(), "{said}");
    assert!(said.contains("/usr/bin/file: something is mounted here"), "{said}");
    assert_eq!(world.read("bin/program"), "2");
    assert_eq!(stdout(&sh("grep -c ' /usr/bin/file ' /proc/mounts")), "1\n");
}
