//! Roots with one fault each: files, settings, users and generations.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::healthy::{Healthy, SHELLS, WSL_CONF, finds, kinds};
use crate::support::world::stdout;

#[test]
fn what_wsl_calls_is_looked_for() {
    let gone = |path: &'static str| move |root: &Healthy| fs::remove_file(root.path(path)).unwrap();
    finds("wsl-path", "/bin/mount: No such file", gone("/bin/mount"));
    finds("wsl-path", "/etc/os-release: No such file", gone("/etc/os-release"));
    finds("wsl-path", "/sbin/init: Permission denied", |root| {
        fs::set_permissions(root.path("/sbin/init"), Permissions::from_mode(0o644)).unwrap();
    });
    finds("wsl-path", "/lib/modules: Not a directory", |root| {
        fs::remove_dir(root.path("/lib/modules")).unwrap();
        root.write("/lib/modules", "");
    });
    let looped = format!("/bin/login: {}", std::io::Error::from_raw_os_error(libc::ELOOP));
    finds("wsl-path", &looped, |root| root.link("/bin/login", "/bin/login"));
}

#[test]
fn settings_that_wsl_does_not_take_are_named() {
    finds("wsl-conf-line", "Unknown key 'boot.sytemd' in /etc/wsl.conf:6", |root| {
        root.write("/etc/wsl.conf", "[user]\ndefault = alice\n\n[boot]\nsystemd = true\nsytemd = true\n");
    });
    finds("wsl-conf-line", "/etc/wsl.conf:6; WSL reads nothing after it", |root| {
        root.write("/etc/wsl.conf", &format!("{WSL_CONF}; a remark\n"));
    });
    finds("wsl-conf-link", "/etc/wsl.conf: is a link", |root| {
        root.write("/nix/store/etc/wsl.conf", WSL_CONF);
        root.link("/etc/wsl.conf", "/nix/store/etc/wsl.conf");
    });
    finds("distribution-conf", "in /etc/wsl-distribution.conf:2", |root| {
        root.write("/etc/wsl-distribution.conf", "[oobe]\ndefaultNames = NixOS\n");
    });
    finds("distribution-conf", "/usr/share/wsl/nixos.ico: No such file", |root| {
        fs::remove_file(root.path("/usr/share/wsl/nixos.ico")).unwrap();
    });
}

#[test]
fn settings_that_nobody_can_read_are_named() {
    let root = Healthy::new();
    fs::remove_file(root.path("/etc/wsl.conf")).unwrap();
    fs::create_dir(root.path("/etc/wsl.conf")).unwrap();
    let found = root.examine_as("json");
    assert_eq!(
        kinds(&found),
        ["wsl-path", "settings", "systemd-off"],
        "and what WSL makes of none: {found:?}"
    );
    assert!(stdout(&found).contains("/etc/wsl.conf: Is a directory"), "{found:?}");
}

#[test]
fn users_who_could_not_log_in_are_named() {
    let passwd = |root: &Healthy| fs::read_to_string(root.path("/etc/passwd")).unwrap();
    finds("user", "no user with name alice, whom /etc/wsl.conf names", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().next().unwrap());
    });
    finds("user", "/etc/passwd: no user with id 0", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().nth(1).unwrap());
    });
    finds("shell", "alice/fish: No such file or directory (os error 2); it is the shell of alice", |root| {
        fs::remove_file(root.path(&format!("{SHELLS}/alice/fish"))).unwrap();
    });
    // What the wrapper starts comes with the system: it is missed only while one is active.
    let lost = |root: &Healthy| root.link(&format!("{SHELLS}/alice/real"), "/run/current-system/sw/bin/fish");
    let idle = Healthy::new();
    lost(&idle);
    assert!(idle.examine().status.success());
    finds("shell", "/run/current-system/sw/bin/fish: No such file", |root| {
        lost(root);
        root.link("/run/current-system", "/nix/store/system");
    });
}

#[test]
fn a_wsl_conf_that_somebody_has_edited_is_named() {
    let same = Healthy::new();
    same.configure("# of ours\n[boot]\nsystemd = true\n[user]\ndefault = alice\n", "native");
    assert!(same.examine().status.success());
    same.write("/etc/wsl.conf", "[user]\nDefault=\"alice\"\n[boot]\nsystemd = TRUE\n");
    assert!(same.examine().status.success(), "the same in other words");

    let off = "[boot]\nsystemd = false\n\n[user]\ndefault = alice\n";
    finds(
        "systemd-off",
        "/etc/wsl.conf: boot.systemd is off, and this system leaves systemd to WSL",
        |root| {
            root.configure(WSL_CONF, "native");
            root.write("/etc/wsl.conf", off);
        },
    );
    finds("systemd-off", "boot.systemd is off", |root| {
        root.write("/etc/wsl.conf", "[user]\ndefault = alice\n");
    });
    let namespace = Healthy::new();
    namespace.configure(off, "namespace");
    namespace.write("/etc/wsl.conf", off);
    assert!(namespace.examine().status.success());
    finds(
        "wsl-conf-differs",
        "/etc/wsl.conf: network.generatehosts is `false`, in the configuration not set",
        |root| {
            root.configure(WSL_CONF, "native");
            root.write("/etc/wsl.conf", &format!("{WSL_CONF}[network]\ngenerateHosts = false\n"));
        },
    );
    finds(
        "wsl-conf-differs",
        "/etc/wsl.conf: user.default is `root`, in the configuration `alice`",
        |root| {
            root.configure(WSL_CONF, "native");
            root.write("/etc/wsl.conf", "[boot]\nsystemd = true\n[user]\ndefault = root\n");
        },
    );
}

#[test]
fn a_generation_that_does_not_boot_is_named() {
    finds("generation", "generation 1 does not boot: /nix/store/system/activate: No such file", |root| {
        fs::remove_file(root.path("/nix/store/system/activate")).unwrap();
    });
    finds("generation", "/nix/var/nix/profiles/system: No such file", |root| {
        fs::remove_file(root.path("/nix/var/nix/profiles/system")).unwrap();
    });
    finds("boot-record", "/var/lib/nixos-wsl/boot.json", |root| {
        root.write("/var/lib/nixos-wsl/boot.json", "{");
    });
}

#[test]
fn a_clock_behind_the_newest_generation_is_named() {
    finds("clock", "the clock is behind: generation 1 was made 3 days from now", |root| {
        let link = root.path("/nix/var/nix/profiles/system-1-link");
        let touched = Command::new("touch").args(["-h", "-d", "+73 hours"]).arg(link).status().unwrap();
        assert!(touched.success());
    });
}
