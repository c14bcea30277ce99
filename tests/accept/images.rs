//! Images for the suite that are no NixOS, or one that does not boot.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::image::succeed;
use crate::support::sim::{Sim, image};

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
