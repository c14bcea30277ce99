//! Writers killed at every system call that changes the disk: what they replace is the old one or the new one, and the next
//! write leaves nothing of them (`system::replace`, U§3 F36).
//!
//! strace kills: it delivers SIGKILL when the program enters the N-th call of a list, for every N that there is.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::support::world::World;

/// Every call that can change what is on a disk.
const CALLS: &str = "openat,openat2,open,creat,write,pwrite64,writev,copy_file_range,sendfile,ftruncate,fallocate,\
rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,\
chown,fchown,fchownat,utimensat,fsync,fdatasync,syncfs,flock";

/// Runs a program in a root, killed when it enters the call with this number.
fn run(root: &Path, kill_at: Option<u32>, command: &[&str]) -> ExitStatus {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={CALLS}")]);
    if let Some(number) = kill_at {
        strace.args(["-e", &format!("inject={CALLS}:signal=KILL:when={number}")]);
    }
    strace.args(["/usr/sbin/chroot"]).arg(root).args(command).stdin(Stdio::null()).stdout(Stdio::null());
    strace.stderr(Stdio::null()).status().unwrap()
}

/// What a program wrote to the root, by path: kind, mode, and content or target.
fn snapshot(root: &Path, folders: &[&str]) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut rest: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(path) = rest.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            rest.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let content = if metadata.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        };
        let text = format!("{:o} {}:{} {content}", metadata.mode(), metadata.uid(), metadata.gid());
        found.insert(path.strip_prefix(root).unwrap().to_owned(), text);
    }
    found
}

/// Kills `command` at every call in turn. `reset` makes what was there before; each of `paths` must then be as before or as
/// after a whole run, and after one more run everything is as after a whole one.
fn kill_everywhere(root: &Path, reset: impl Fn(), command: &[&str], folders: &[&str], records: &[&str]) {
    reset();
    let old = snapshot(root, folders);
    assert!(run(root, None, command).success());
    let new = snapshot(root, folders);
    assert_ne!(old, new, "the command changes nothing");
    let mut kills = 0;
    for number in 1.. {
        assert!(number < 2000, "the command does not end");
        reset();
        if run(root, Some(number), command).success() {
            break;
        }
        kills += 1;
        let found = snapshot(root, folders);
        for path in old.keys().chain(new.keys()) {
            // What is neither in the old nor in the new is a record of what is being done.
            if records.iter().any(|record| path == Path::new(record)) {
                continue;
            }
            let now = found.get(path);
            assert!(
                now == old.get(path) || now == new.get(path),
                "call {number}: {} is {now:?}, neither {:?} nor {:?}",
                path.display(),
                old.get(path),
                new.get(path)
            );
        }
        assert!(run(root, None, command).success(), "after a kill at call {number}");
        assert_eq!(snapshot(root, folders), new, "after a kill at call {number} and one more run");
    }
    println!("{} killed at {kills} calls", command.join(" "));
    assert!(kills > 20, "{kills} kills are too few to prove anything");
}

fn needs(test: &str) -> bool {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if strace.is_err() {
        println!("SKIP {test}: no strace");
    }
    strace.is_ok()
}

/// Files, links and two trees, among them one that is a link before, and names of others beside them.
#[test]
fn an_activation_s_files_are_old_or_new_at_every_kill() {
    needs_world!("an_activation_s_files_are_old_or_new_at_every_kill");
    if !needs("an_activation_s_files_are_old_or_new_at_every_kill") {
        return;
    }
    let world = World::new();
    world.install("nixos-wsl", "nix/store/tools/bin/nixos-wsl");
    let plan = |version: &str| {
        format!(
            r#"{{"version":1,
            "files":[{{"path":"/sbin/init","source":"/nix/store/text-{version}","mode":"0755"}},
                     {{"path":"/etc/suid","source":"/nix/store/text-{version}","mode":"4755"}}],
            "links":[{{"path":"/usr/bin/env","target":"/nix/store/text-{version}"}}],
            "trees":[{{"path":"/lib64","keep":["wslinfo"],"entries":[
                        {{"name":"sh","source":"/nix/store/text-{version}","mode":"0755"}},
                        {{"name":"ls","target":"/nix/store/text-{version}"}},
                        {{"name":"only-{version}","target":"/nix/store/text-{version}"}}]}},
                     {{"path":"/linked","entries":[{{"name":"sh","source":"/nix/store/text-{version}","mode":"0755"}}]}}]}}"#
        )
    };
    for version in ["1", "2"] {
        world.write(format!("nix/store/text-{version}"), &format!("version {version}"));
        world.write(format!("nix/store/plan-{version}"), &plan(version));
    }
    let apply = |version: &'static str| {
        [
            "/nix/store/tools/bin/nixos-wsl".to_owned(),
            "apply".to_owned(),
            format!("/nix/store/plan-{version}"),
        ]
    };
    let root = world.path("");
    let reset = || {
        for folder in ["lib64", "linked", "elsewhere", "usr/bin", "sbin", "var/lib/nixos-wsl"] {
            let path = world.path(folder);
            if path.is_symlink() {
                fs::remove_file(&path).unwrap()
            } else {
                drop(fs::remove_dir_all(&path))
            }
            fs::create_dir_all(&path).unwrap();
        }
        let first = apply("1");
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        assert!(Command::new("/usr/sbin/chroot").arg(&root).args(&first).status().unwrap().success());
        world.write("lib64/foreign", "of the user");
        symlink("/init", world.path("lib64/wslinfo")).unwrap();
        fs::remove_dir_all(world.path("linked")).unwrap();
        symlink("elsewhere", world.path("linked")).unwrap();
    };
    let second = apply("2");
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let folders = ["sbin", "etc", "usr/bin", "lib64", "linked", "var/lib/nixos-wsl"];
    kill_everywhere(&root, reset, &second, &folders, &["var/lib/nixos-wsl/applied.json"]);
    assert_eq!(world.read("lib64/foreign"), "of the user");
    let mode = world.path("etc/suid").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o4755);
}
