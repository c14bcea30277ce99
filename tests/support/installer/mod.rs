//! What the tests of the installer share: an imported one, an unpacked one, and what a whole system looks like.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::sim::{Ended, Sim, bundled, ended};

/// The installer's own files.
pub const DIRECTORY: &str = "usr/lib/nixos-wsl/install";
/// The system in them.
pub const ARCHIVE: &str = "usr/lib/nixos-wsl/install/root.tar.zst";

/// A simulated WSL with the installer imported as `IN`; nothing where distributions cannot start.
pub fn imported(test: &str) -> Option<Sim> {
    imported_as(test, "installer.tar.gz")
}

/// The same of another installer of the bundle.
pub fn imported_as(test: &str, installer: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let imported = sim.import("IN", &bundle(installer));
    assert_eq!((imported.code, imported.err.as_str()), (0, ""));
    Some(sim)
}

/// The installer imported to a small disk of its own.
pub fn imported_on_disk(test: &str, options: &str) -> Option<(Sim, Disk)> {
    let sim = Sim::for_starts(test)?;
    let disk = Disk::mount(&sim.directory.path().join("IN"), options);
    let imported = sim.import("IN", &bundle("installer.tar.gz"));
    assert_eq!(imported.code, 0, "{imported:?}");
    Some((sim, disk))
}

/// A file of the bundle, by its own path: bsdtar is run elsewhere.
pub fn bundle(name: &str) -> PathBuf {
    bundled(name).canonicalize().unwrap()
}

/// `nixos-version`, as a first command.
pub fn version(sim: &Sim) -> Ended {
    sim.run(["-d", "IN", "nixos-version"])
}

/// A first or later start finds the whole system.
pub fn assert_installed(sim: &Sim) {
    let ended = version(sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.1\n"), "{ended:?}");
    assert!(!sim.inside("IN", DIRECTORY).exists(), "the installer's own files are left");
    assert_eq!(sim.ok(["-d", "IN", "-e", "/usr/bin/id", "-un"]), "nixos");
}

/// What the root holds: path, type, mode, owner, size and target of everything that does not come from a start.
pub fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for name in ["bin", "sbin", "nix", "etc/passwd", "etc/wsl.conf", "usr"] {
        for entry in walkdir(&root.join(name)) {
            let found = entry.symlink_metadata().unwrap();
            let target = fs::read_link(&entry).unwrap_or_default();
            let size = if found.is_file() { found.len() } else { 0 };
            let path = entry.strip_prefix(root).unwrap().display().to_string();
            lines.push(format!(
                "{path} {:o} {}:{} {size} {}",
                found.mode(),
                found.uid(),
                found.gid(),
                target.display()
            ));
        }
    }
    lines
}

/// A directory and all below it, sorted.
pub fn walkdir(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if path.symlink_metadata().unwrap().is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        all.extend(names.iter().flat_map(|name| walkdir(name)));
    }
    all
}

/// Installs in an unpacked installer, without any start.
pub fn unpack(root: &Path) -> Ended {
    ended(Command::new(root.join(DIRECTORY).join("nixos-wsl-install")).arg("--unpack").arg(root))
}

/// An image of the bundle, unpacked as WSL does.
pub fn extracted(image: &str) -> tempfile::TempDir {
    // In memory: these tests do not depend on a disk, and bring everything to it again and again.
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let status = Command::new("bsdtar")
        .arg("-C")
        .arg(root.path())
        .args(["-x", "-p", "--xattrs", "--numeric-owner", "-f"])
        .arg(bundle(image))
        .env("LC_ALL", "C.UTF-8")
        .status();
    assert!(status.unwrap().success());
    root
}

/// The first start fails with this sentence and advice, and nothing claims to be a system.
pub fn assert_refused(sim: &Sim, sentence: &str, advice: &str) {
    let ended = version(sim);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains(sentence) && ended.err.contains(advice), "{ended:?}");
    assert!(sim.inside("IN", &format!("{DIRECTORY}/manifest.json")).exists());
    let program = Path::new("/").join(DIRECTORY).join("nixos-wsl-install");
    assert_eq!(fs::read_link(sim.inside("IN", "sbin/init")).unwrap(), program);
}
/// A disk of its own for the distribution, gone with the guard.
pub struct Disk(pub PathBuf);

impl Disk {
    /// Mounts one at `path`.
    pub fn mount(path: &Path, options: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status();
        assert!(status.unwrap().success());
        Self(path.to_owned())
    }

    /// Changes its options.
    pub fn remount(&self, options: &str) {
        let status =
            Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The installer, unpacked into a directory.
pub fn extract_to(root: &Path) {
    let mut command = Command::new("bsdtar");
    command.arg("-C").arg(root).args(["-x", "-p", "-f"]).arg(bundle("installer.tar.gz"));
    assert!(command.status().unwrap().success());
}

/// Everything but `/run`, by name.
pub fn listing_of_names(root: &Path) -> Vec<PathBuf> {
    walkdir(root).into_iter().filter(|path| !path.starts_with(root.join("run"))).collect()
}
