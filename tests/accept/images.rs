//! Images for the suite that are no NixOS, or one that does not boot.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::image::succeed;
use crate::support::sim::{Sim, bundled, image};

/// A file's SHA-256, as another program finds it.
pub fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").stdin(fs::File::open(path).expect("the image")).output();
    let line = String::from_utf8(output.expect("sha256sum").stdout).expect("a line");
    line.split(' ').next().expect("digits").to_owned()
}

/// A root with busybox and every name that it has, and with an ordinary user.
pub fn busybox(sim: &Sim) -> PathBuf {
    let tree = tempfile::tempdir().expect("a temporary directory");
    let path = |path: &str| tree.path().join(path);
    for folder in ["bin", "etc", "home/user", "root", "sbin", "tmp", "usr/bin", "usr/lib", "var/lib"] {
        fs::create_dir_all(path(folder)).expect("a folder");
    }
    succeed(Command::new("cp").arg(which("busybox")).arg(path("bin/busybox")));
    let names = Command::new("busybox").arg("--list").output().expect("busybox").stdout;
    for name in String::from_utf8(names).expect("names").lines().filter(|name| *name != "busybox") {
        symlink("/bin/busybox", path("bin").join(name)).expect("a link");
    }
    for program in ["env", "id"] {
        symlink("/bin/busybox", path("usr/bin").join(program)).expect("a link");
    }
    for (file, text) in [
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:100::/home/user:/bin/sh\n"),
        ("etc/group", "root:x:0:root\nusers:x:100:\n"),
        ("etc/wsl.conf", "[user]\ndefault = user\n"),
        ("etc/os-release", "ID=busybox\n"),
    ] {
        fs::write(path(file), text).expect("a file");
    }
    succeed(Command::new("chown").args(["1000:100"]).arg(path("home/user")));
    succeed(Command::new("chmod").args(["1777"]).arg(path("tmp")));
    let archive = sim.directory.path().join("tree.tar");
    succeed(Command::new("bsdtar").arg("-cf").arg(&archive).arg("-C").arg(tree.path()).arg("."));
    archive
}

fn which(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").expect("PATH");
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .expect("the program")
}

/// The stand-in's image, of which the only generation has lost its systemd.
pub fn without_systemd(sim: &Sim) -> PathBuf {
    let imported = sim.import("Broken", &image());
    assert_eq!(imported.code, 0, "{imported:?}");
    let system =
        fs::read_link(sim.inside("Broken", "nix/var/nix/profiles/system-1-link")).expect("the profile");
    let system = sim.inside("Broken", system.to_str().expect("a path"));
    fs::remove_file(system.join("systemd")).expect("its systemd");
    let archive = sim.directory.path().join("export.tar");
    sim.ok(["--export", "Broken", archive.to_str().expect("a path")]);
    sim.ok(["--unregister", "Broken"]);
    archive
}

/// The stand-in's image, written with files laid over it (`--extra-files`).
pub fn with_extra_files(sim: &Sim) -> PathBuf {
    let attributes = bundled("attributes.json").canonicalize().expect("the attributes");
    let read: Value = serde_json::from_slice(&fs::read(&attributes).expect("a file")).expect("JSON");
    let group = read["spec"]["entries"].as_array().expect("entries").iter();
    let group = group.filter(|entry| entry["path"] == "/etc/group").find_map(|entry| entry["text"].as_str());
    let group = format!("{}docker:x:131:nixos\n", group.expect("/etc/group"));
    let extra = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in [
        ("etc/group", &*group),
        ("etc/profiles/per-user/nixos/etc/profile.d/hm-session-vars.sh", SESSION_VARIABLES),
        ("home/nixos/.profile", ". \"/etc/profiles/per-user/nixos/etc/profile.d/hm-session-vars.sh\"\n"),
        ("var/lib/nixos-wsl-accept/extra", "extra\n"),
    ] {
        let path = extra.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
    }
    let mark = extra.path().join("var/lib/nixos-wsl-accept/extra");
    fs::set_permissions(mark, fs::Permissions::from_mode(0o600)).expect("its mode");
    // As `wsl.docker-desktop.enable` links them.
    fs::create_dir(extra.path().join("bin")).expect("a folder");
    for name in ["cat", "groupadd", "install", "mv", "usermod", "whoami"] {
        let program = format!("/run/current-system/sw/bin/{name}");
        symlink(program, extra.path().join("bin").join(name)).expect("a link");
    }
    let image = sim.directory.path().join("extra.tar.gz");
    let mut writer = Command::new(env!("CARGO_BIN_EXE_nixos-wsl-image"));
    writer.args(["tarball", "--attrs"]).arg(attributes).arg("--extra-files").arg(extra.path());
    for path in ["/home/nixos/.profile", "/var/lib/nixos-wsl-accept/extra"] {
        writer.args(["--chown", path, "1000:100"]);
    }
    succeed(writer.arg("--out").arg(&image));
    image
}

/// As home-manager writes it (modules/home-environment.nix), with one variable.
const SESSION_VARIABLES: &str = "# Only source this once.
if [ -n \"$__HM_SESS_VARS_SOURCED\" ]; then return; fi
export __HM_SESS_VARS_SOURCED=1

export EDITOR=\"nano\"
";
