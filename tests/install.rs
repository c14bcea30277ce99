//! The installer in a simulated WSL: the first start, in all the ways that it can go wrong.
#![allow(clippy::unwrap_used, reason = "all of this file is tests")]

mod sim;

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sim::{Ended, Sim, ended};

const ARCHIVE: &str = "usr/lib/nixos-wsl/install/root.tar.zst";
const DIRECTORY: &str = "usr/lib/nixos-wsl/install";

/// A simulated WSL with the installer imported as `IN`; nothing where distributions cannot start.
fn imported(test: &str) -> Option<Sim> {
    let sim = Sim::for_starts(test)?;
    let imported = sim.import("IN", &bundle("installer.tar.gz"));
    assert_eq!((imported.code, imported.err.as_str()), (0, ""));
    Some(sim)
}

fn bundle(name: &str) -> PathBuf {
    let bundle = std::env::var_os("NIXOS_WSL_STANDIN")
        .expect("NIXOS_WSL_STANDIN names what `checks/standin/build bundle` prints");
    Path::new(&bundle).join(name).canonicalize().unwrap()
}

/// `nixos-version`, as a first command.
fn version(sim: &Sim) -> Ended {
    sim.run(["-d", "IN", "nixos-version"])
}

fn assert_installed(sim: &Sim) {
    let ended = version(sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.1\n"), "{ended:?}");
    assert!(!sim.inside("IN", DIRECTORY).exists(), "the installer's own files are left");
    assert_eq!(sim.ok(["-d", "IN", "-e", "/usr/bin/id", "-un"]), "nixos");
}

/// What the root holds: path, type, mode, owner, size and target of everything that does not come from a start.
fn listing(root: &Path) -> Vec<String> {
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

fn walkdir(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if path.symlink_metadata().unwrap().is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        all.extend(names.iter().flat_map(|name| walkdir(name)));
    }
    all
}

/// Unpacks the installer with WSL's extractor and installs it there, without any start.
fn unpack(root: &Path) -> Ended {
    ended(Command::new(root.join(DIRECTORY).join("nixos-wsl-install")).arg("--unpack").arg(root))
}

fn extracted(image: &str) -> tempfile::TempDir {
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

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_image_holds_no_link_that_old_versions_stumble_over() {
    let list = Command::new("bsdtar").arg("-tvf").arg(bundle("installer.tar.gz")).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.lines().count() > 20);
    assert_eq!(list.lines().find(|line| line.starts_with('h') || line.contains(" link to ")), None);
    let size = |name: &str| bundle(name).metadata().unwrap().len();
    assert!(
        size("installer.tar.gz") * 100 <= size("image.tar.gz") * 85,
        "larger than 0.85 of the plain image"
    );
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn installs_what_the_plain_image_holds_with_equal_files_as_links() {
    let (installed, plain) = (extracted("installer.tar.gz"), extracted("image.tar.gz"));
    let ended = unpack(installed.path());
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    assert!(!ended.err.contains('\r') && ended.err.contains("100 %"), "{}", ended.err);
    assert_eq!(listing(installed.path()), listing(plain.path()));
    let blocks = |root: &Path| {
        let status = Command::new("du").arg("-s").arg(root.join("nix")).output().unwrap();
        let text = String::from_utf8(status.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    assert!(blocks(installed.path()) <= blocks(plain.path()), "more on the disk than the plain image");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_first_command_finds_a_whole_running_system() {
    let Some(sim) = imported("the_first_command_finds_a_whole_running_system") else { return };
    let ended = version(&sim);
    assert_eq!((ended.code, ended.out.as_str()), (0, "26.11.standin.1\n"), "{ended:?}");
    assert!(ended.err.lines().all(|line| line.starts_with("nixos-wsl-install: ")), "{}", ended.err);
    assert_eq!(sim.ok(["-d", "IN", "-e", "/bin/sh", "-c", "systemctl is-system-running"]), "running");
    assert_eq!(sim.hidden("IN"), "");
    sim.ok(["--terminate", "IN"]);
    assert_installed(&sim);
    assert_eq!(sim.hidden("IN"), "");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn the_first_shell_gets_its_arguments_user_and_exit_code() {
    let Some(sim) = imported("the_first_shell_gets_its_arguments_user_and_exit_code") else { return };
    let ended = sim.run(["-d", "IN", "-u", "root", "--", "id", "-un;", "exit", "7"]);
    assert_eq!((ended.code, ended.out.as_str()), (7, "root\n"), "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn two_first_starts_at_once_are_one_installation() {
    let Some(sim) = imported("two_first_starts_at_once_are_one_installation") else { return };
    let start = || {
        let mut command = sim.command(["-d", "IN", "nixos-version"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    for output in both {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "26.11.standin.1\n", "{output:?}");
    }
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn goes_on_after_a_kill_at_any_moment() {
    let plain = extracted("image.tar.gz");
    let expected = listing(plain.path());
    let root = extracted("installer.tar.gz");
    let start = Instant::now();
    assert_eq!(unpack(root.path()).code, 0);
    let whole = start.elapsed().as_micros();
    // Moments spread over the whole run by a fixed sequence; some come after the end, in the switch, and right away.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut kills = 0;
    while kills < 100 {
        let root = extracted("installer.tar.gz");
        for _ in 0..10 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let program = root.path().join(DIRECTORY).join("nixos-wsl-install");
            if !program.exists() {
                break;
            }
            let mut child =
                Command::new(program).arg("--unpack").arg(root.path()).stderr(Stdio::null()).spawn().unwrap();
            let moment = u128::from(seed) % (whole + whole / 10);
            std::thread::sleep(Duration::from_micros(u64::try_from(moment).unwrap()));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        if root.path().join(DIRECTORY).join("manifest.json").exists() {
            let ended = unpack(root.path());
            assert_eq!(ended.code, 0, "{ended:?}");
        }
        let mut found = listing(root.path());
        // A kill between the last rename and the end leaves the installer's own small files.
        found.retain(|line| !line.starts_with(DIRECTORY));
        assert_eq!(found, expected, "after {kills} kills");
    }
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_kill_of_the_whole_distribution_loses_nothing() {
    let Some(sim) = imported("a_kill_of_the_whole_distribution_loses_nothing") else { return };
    for delay in [20, 200, 500] {
        let mut first = sim
            .command(["-d", "IN", "nixos-version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        sim.ok(["--terminate", "IN"]);
        first.wait().unwrap();
    }
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_flipped_byte_is_found_and_said() {
    let Some(sim) = imported("a_flipped_byte_is_found_and_said") else { return };
    let path = sim.inside("IN", ARCHIVE);
    let archive = fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut byte = [0];
    let middle = archive.metadata().unwrap().len() / 2;
    archive.read_exact_at(&mut byte, middle).unwrap();
    archive.write_all_at(&[byte[0] ^ 1], middle).unwrap();
    assert_refused(&sim, "is damaged", "wsl --unregister IN");
    // Repaired, the next start goes on.
    archive.write_all_at(&byte, middle).unwrap();
    sim.ok(["--terminate", "IN"]);
    assert_installed(&sim);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_missing_archive_is_said() {
    let Some(sim) = imported("a_missing_archive_is_said") else { return };
    fs::remove_file(sim.inside("IN", ARCHIVE)).unwrap();
    assert_refused(&sim, "cannot be read", "wsl --unregister IN");
    // Not even the rescue's commands count as a system.
    let ended = sim.run(["-d", "IN", "-u", "root", "-e", "/bin/sh", "-c", "ls /etc"]);
    assert!(ended.out.contains("wsl.conf"), "{ended:?}");
}

/// The first start fails with this sentence and advice, and nothing claims to be a system.
fn assert_refused(sim: &Sim, sentence: &str, advice: &str) {
    let ended = version(sim);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains(sentence) && ended.err.contains(advice), "{ended:?}");
    assert!(sim.inside("IN", &format!("{DIRECTORY}/manifest.json")).exists());
    let program = Path::new("/").join(DIRECTORY).join("nixos-wsl-install");
    assert_eq!(fs::read_link(sim.inside("IN", "sbin/init")).unwrap(), program);
}

/// A disk of its own for the distribution, gone with the guard.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, options: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status();
        assert!(status.unwrap().success());
        Self(path.to_owned())
    }

    fn remount(&self, options: &str) {
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

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_is_too_small_is_said_before_the_first_write() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=60m");
    extract_to(folder.path());
    let before = listing_of_names(folder.path());
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("MB free, and the system needs"), "{ended:?}");
    assert!(ended.err.contains("Nothing was changed."), "{ended:?}");
    assert_eq!(listing_of_names(folder.path()), before);
    disk.remount("size=400m");
    assert_eq!(unpack(folder.path()).code, 0);
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_disk_that_runs_full_is_said_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=190m");
    extract_to(folder.path());
    // Somebody else takes the room once the check has passed.
    let mut child = Command::new(folder.path().join(DIRECTORY).join("nixos-wsl-install"))
        .arg("--unpack")
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !folder.path().join(DIRECTORY).join("journal").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_micros(200));
    }
    let hog = folder.path().join("hog");
    let file = fs::File::create(&hog).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 100 << 20).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the disk is full") && text.contains("stays"), "{text}");
    fs::remove_file(hog).unwrap();
    disk.remount("size=400m");
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_read_only_root_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "size=400m");
    extract_to(folder.path());
    disk.remount("ro");
    let ended = unpack(folder.path());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("read-only") && ended.err.contains("wsl --shutdown"), "{ended:?}");
}

fn extract_to(root: &Path) {
    let mut command = Command::new("bsdtar");
    command.arg("-C").arg(root).args(["-x", "-p", "-f"]).arg(bundle("installer.tar.gz"));
    assert!(command.status().unwrap().success());
}

fn listing_of_names(root: &Path) -> Vec<PathBuf> {
    walkdir(root).into_iter().filter(|path| !path.starts_with(root.join("run"))).collect()
}

#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_link_in_the_way_leads_nowhere() {
    let root = extracted("installer.tar.gz");
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("nix")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("nix/store")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("etc/nixos")).unwrap();
    let ended = unpack(root.path());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "something was written outside");
    let plain = extracted("image.tar.gz");
    assert_eq!(listing(root.path()), listing(plain.path()));
}

/// W§9: what a stock launcher does after `WslRegisterDistribution`, each line through the default user's shell.
#[test]
#[ignore = "needs the stand-in's installer: checks/run gives it"]
fn a_stock_launcher_installs_with_root() {
    for image in ["installer.tar.gz", "image.tar.gz"] {
        let Some(sim) = Sim::for_starts("a_stock_launcher_installs_with_root") else { return };
        assert_eq!(sim.import("IN", &bundle(image)).code, 0);
        // `install --root`: the exit code of this one is ignored.
        let removed = sim.run(["-d", "IN", "/bin/rm", "/etc/resolv.conf"]);
        assert_eq!(removed.out, "", "{image}: {removed:?}");
        let id = sim.run(["-d", "IN", "/usr/bin/id", "-u", "nixos"]);
        assert_eq!((id.code, id.out.as_str()), (0, "1000\n"), "{image}: {id:?}");
        let shell = sim.run(["-d", "IN", "nixos-version"]);
        assert_eq!(shell.out, "26.11.standin.1\n", "{image}: {shell:?}");
    }
}
