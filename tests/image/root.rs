//! The image's root as WSL finds it: everything it starts or reads before any activation works and is in its place (U§3 F2).

#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

use crate::support::standin::{Standin, run};
use walkdir::WalkDir;

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn shells_and_tools_run_without_activation_and_environment() {
    let root = Standin::find().extracted();
    let said =
        |arguments: &[&str]| String::from_utf8(run(inside(root.path()).args(arguments)).stdout).unwrap();
    assert_eq!(said(&["/bin/sh", "-c", "echo works"]), "works\n");
    // WSL asks for the state of systemd like this, with no PATH at all (W§5.2).
    assert_eq!(said(&["/bin/sh", "-c", "systemctl --version | grep -cE '^systemd'"]), "1\n");
    assert_eq!(
        said(&["/usr/lib/nixos-wsl/shells/nixos/bash", "-c", "echo $BASH_VERSION"]).chars().next(),
        Some('5')
    );
    assert!(said(&["/bin/mount", "--version"]).starts_with("mount from util-linux"));
    assert_eq!(said(&["/usr/bin/id", "-u", "--", "nixos"]), "1000\n");
    assert!(said(&["/bin/nixos-wsl", "--version"]).starts_with("nixos-wsl "));

    // /sbin/init says what it is for when it is not process 1.
    let Output { status, stderr, .. } = inside(root.path()).arg("/sbin/init").output().unwrap();
    assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stderr));
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn what_wsl_writes_to_is_real_and_in_the_root() {
    let root = Standin::find().extracted();
    let metadata = |path: &str| fs::symlink_metadata(root.path().join(&path[1..])).unwrap();
    for directory in ["/bin", "/sbin", "/usr/lib", "/lib", "/lib/modules", "/mnt", "/etc", "/run", "/proc"] {
        assert!(metadata(directory).is_dir(), "{directory}");
    }
    for file in ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/wsl.conf", "/etc/wsl-distribution.conf"] {
        assert!(metadata(file).is_file(), "{file}");
    }
    // WSL truncates these through links, wherever they lead (W§4.4).
    for absent in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/localtime", "/init"] {
        assert!(fs::symlink_metadata(root.path().join(&absent[1..])).is_err(), "{absent}");
    }
    let attributes = |path| {
        let metadata = metadata(path);
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    };
    assert_eq!(attributes("/tmp"), (0o1777, 0, 0));
    assert_eq!(attributes("/etc/shadow"), (0o640, 0, 318));
    assert_eq!(attributes("/root"), (0o700, 0, 0));
    assert_eq!(attributes("/home/nixos"), (0o700, 1000, 100));
}

#[test]
#[ignore = "needs the stand-in's image and root: checks/run gives it"]
fn no_link_dangles_and_no_file_is_setuid() {
    let root = Standin::find().extracted();
    let mut links = 0;
    for found in WalkDir::new(root.path()) {
        let found = found.unwrap();
        let metadata = found.metadata().unwrap();
        if metadata.is_symlink() {
            links += 1;
            let path = found.path().strip_prefix(root.path()).unwrap();
            // The store's links may point to what activation makes; those of the root are followed before. `/init` is WSL's.
            let of_wsl = fs::read_link(found.path()).unwrap() == Path::new("/init");
            if !path.starts_with("nix/store") && !of_wsl {
                assert!(leads_somewhere(root.path(), path), "/{} points to nothing", path.display());
            }
        } else if metadata.is_file() {
            assert_eq!(metadata.mode() & 0o6000, 0, "{} is setuid or setgid", found.path().display());
        }
    }
    assert!(links > 0, "the image has links");
}

/// Whether the link at `path` leads to something, with every component looked up inside `root`.
fn leads_somewhere(root: &Path, path: &Path) -> bool {
    let parts = |path: &Path| -> Vec<PathBuf> { path.iter().rev().map(PathBuf::from).collect() };
    let mut pending = parts(path);
    let mut place = PathBuf::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        match part.components().next() {
            Some(Component::RootDir) => place.clear(),
            Some(Component::ParentDir) => {
                place.pop();
            }
            _ => {
                let next = place.join(&part);
                let Ok(metadata) = fs::symlink_metadata(root.join(&next)) else { return false };
                if metadata.is_symlink() {
                    links += 1;
                    if links > 10 {
                        return false;
                    }
                    pending.extend(parts(&fs::read_link(root.join(&next)).unwrap()));
                } else {
                    place = next;
                }
            }
        }
    }
    true
}

/// A command in the root with no variable at all.
fn inside(root: &Path) -> Command {
    let mut command = Command::new("/usr/sbin/chroot");
    command.arg(root).env_clear();
    command
}
