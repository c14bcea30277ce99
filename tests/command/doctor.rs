//! `nixos-wsl doctor` on roots with one fault each: it names the file, and says what to do.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::world::{program, stderr, stdout};
use tempfile::TempDir;

const WSL_CONF: &str = "[boot]\nsystemd = true\n\n[user]\ndefault = alice\n";
const DISTRIBUTION_CONF: &str =
    "[oobe]\ndefaultName = NixOS\n\n[shortcut]\nicon = /usr/share/wsl/nixos.ico\n";
const SHELLS: &str = "/usr/lib/nixos-wsl/shells";

/// A root that has all that WSL needs.
struct Healthy(TempDir);

impl Healthy {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        let contract: serde_json::Value =
            serde_json::from_str(include_str!("../../src/wsl/contract.json")).unwrap();
        for item in contract["paths"].as_array().unwrap() {
            let path = item["path"].as_str().unwrap();
            match item["need"].as_str().unwrap() {
                "program" => root.program(path),
                "file" => root.write(path, ""),
                "directory" => fs::create_dir_all(root.path(path)).unwrap(),
                _ => {}
            }
        }
        root.write("/etc/wsl.conf", WSL_CONF);
        root.write("/etc/wsl-distribution.conf", DISTRIBUTION_CONF);
        root.write("/usr/share/wsl/nixos.ico", "icon");
        root.write(
            "/etc/passwd",
            &format!(
                "root:x:0:0::/root:{SHELLS}/root/bash\nalice:x:1000:100::/home/alice:{SHELLS}/alice/fish\n"
            ),
        );
        root.program(&format!("{SHELLS}/root/bash"));
        root.program(&format!("{SHELLS}/alice/fish"));
        for name in ["activate", "systemd/lib/systemd/systemd"] {
            root.program(&format!("/nix/store/system/{name}"));
        }
        let profiles = root.path("/nix/var/nix/profiles");
        fs::create_dir_all(&profiles).unwrap();
        symlink("/nix/store/system", profiles.join("system-1-link")).unwrap();
        symlink("system-1-link", profiles.join("system")).unwrap();
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, path: &str) {
        self.write(path, "program");
        fs::set_permissions(self.path(path), Permissions::from_mode(0o755)).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    fn examine(&self) -> Output {
        Command::new(program("nixos-wsl")).args(["doctor", "--root"]).arg(self.0.path()).output().unwrap()
    }
}

/// The one fault that `break_it` makes is found, and nothing else.
fn finds(fault: &str, break_it: impl FnOnce(&Healthy)) {
    let root = Healthy::new();
    break_it(&root);
    let output = root.examine();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{fault}: {output:?}");
    let [found, advice] = text.lines().collect::<Vec<_>>()[..] else { panic!("{fault}: {output:?}") };
    assert!(found.contains(fault), "{fault}: {output:?}");
    assert!(advice.starts_with("  ") && advice.len() > 10, "{fault}: {output:?}");
    assert_eq!(stderr(&output), "nixos-wsl: 1 thing is not as it should be\n");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let output = Healthy::new().examine();
    assert_eq!(stdout(&output), "Nothing is wrong here that this program knows of.\n", "{output:?}");
    assert!(output.status.success() && stderr(&output).is_empty(), "{output:?}");
}

#[test]
fn what_wsl_calls_is_looked_for() {
    let gone = |path: &'static str| move |root: &Healthy| fs::remove_file(root.path(path)).unwrap();
    finds("/bin/mount: No such file", gone("/bin/mount"));
    finds("/etc/os-release: No such file", gone("/etc/os-release"));
    finds("/sbin/init: Permission denied", |root| {
        fs::set_permissions(root.path("/sbin/init"), Permissions::from_mode(0o644)).unwrap();
    });
    finds("/lib/modules: Not a directory", |root| {
        fs::remove_dir(root.path("/lib/modules")).unwrap();
        root.write("/lib/modules", "");
    });
    let looped = format!("/bin/login: {}", std::io::Error::from_raw_os_error(libc::ELOOP));
    finds(&looped, |root| root.link("/bin/login", "/bin/login"));
}

#[test]
fn settings_that_wsl_does_not_take_are_named() {
    finds("Unknown key 'boot.sytemd' in /etc/wsl.conf:6", |root| {
        root.write("/etc/wsl.conf", "[user]\ndefault = alice\n\n[boot]\nsystemd = true\nsytemd = true\n");
    });
    finds("/etc/wsl.conf:6; WSL reads nothing after it", |root| {
        root.write("/etc/wsl.conf", &format!("{WSL_CONF}; a remark\n"));
    });
    finds("/etc/wsl.conf: is a link", |root| {
        root.write("/nix/store/etc/wsl.conf", WSL_CONF);
        root.link("/etc/wsl.conf", "/nix/store/etc/wsl.conf");
    });
    finds("in /etc/wsl-distribution.conf:2", |root| {
        root.write("/etc/wsl-distribution.conf", "[oobe]\ndefaultNames = NixOS\n");
    });
    finds("/usr/share/wsl/nixos.ico: No such file", |root| {
        fs::remove_file(root.path("/usr/share/wsl/nixos.ico")).unwrap();
    });
}

#[test]
fn users_who_could_not_log_in_are_named() {
    let passwd = |root: &Healthy| fs::read_to_string(root.path("/etc/passwd")).unwrap();
    finds("no user with name alice, whom /etc/wsl.conf names", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().next().unwrap());
    });
    finds("/etc/passwd: no user with id 0", |root| {
        let text = passwd(root);
        root.write("/etc/passwd", text.lines().nth(1).unwrap());
    });
    finds("alice/fish: No such file or directory (os error 2); it is the shell of alice", |root| {
        fs::remove_file(root.path(&format!("{SHELLS}/alice/fish"))).unwrap();
    });
    // What the wrapper starts comes with the system: it is missed only while one is active.
    let lost = |root: &Healthy| root.link(&format!("{SHELLS}/alice/real"), "/run/current-system/sw/bin/fish");
    let idle = Healthy::new();
    lost(&idle);
    assert!(idle.examine().status.success());
    finds("/run/current-system/sw/bin/fish: No such file", |root| {
        lost(root);
        root.link("/run/current-system", "/nix/store/system");
    });
}

#[test]
fn a_generation_that_does_not_boot_is_named() {
    finds("generation 1 does not boot: /nix/store/system/activate: No such file", |root| {
        fs::remove_file(root.path("/nix/store/system/activate")).unwrap();
    });
    finds("/nix/var/nix/profiles/system: No such file", |root| {
        fs::remove_file(root.path("/nix/var/nix/profiles/system")).unwrap();
    });
    finds("/var/lib/nixos-wsl/boot.json", |root| root.write("/var/lib/nixos-wsl/boot.json", "{"));
}

#[test]
fn a_root_of_anything_is_looked_at() {
    let empty = tempfile::tempdir().unwrap();
    for root in [empty.path(), Path::new("/nonexistent"), Path::new("/dev/null")] {
        let output =
            Command::new(program("nixos-wsl")).args(["doctor", "--root"]).arg(root).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).ends_with("things are not as they should be\n"), "{output:?}");
    }
    // A device, a binary file and a folder in the place of settings.
    let root = Healthy::new();
    root.link("/etc/wsl-distribution.conf", "/dev/zero");
    fs::write(root.path("/etc/wsl.conf"), [0, 159, 146, 150, 10]).unwrap();
    fs::remove_file(root.path("/etc/passwd")).unwrap();
    fs::create_dir(root.path("/etc/passwd")).unwrap();
    let output = root.examine();
    for part in ["/etc/wsl.conf", "/etc/wsl-distribution.conf", "/etc/passwd"] {
        assert!(stdout(&output).contains(part), "{output:?}");
    }
}
