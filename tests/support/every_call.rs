//! A program killed at every system call that changes the disk: strace delivers SIGKILL when it enters the N-th call of a
//! list, for every N that there is.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Every call that can change what is on a disk.
const CALLS: &str = "openat,openat2,open,creat,write,pwrite64,writev,copy_file_range,sendfile,ftruncate,fallocate,\
rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,\
chown,fchown,fchownat,utimensat,fsync,fdatasync,syncfs,flock";

/// Why these tests cannot run here, if they cannot.
pub fn missing() -> Option<&'static str> {
    if !rustix::process::getuid().is_root() {
        return Some("not root");
    }
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    strace.is_err().then_some("no strace")
}

/// What is killed, and what it may leave.
pub struct Victim<'a> {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Paths in messages and in the snapshot are relative to it.
    pub root: &'a Path,
    /// What is compared, below the root.
    pub folders: &'a [&'a str],
    /// Files that may be neither old nor new on the way.
    pub records: &'a [&'a str],
}

impl Victim<'_> {
    fn run(&self, kill_at: Option<u32>) -> ExitStatus {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={CALLS}")]);
        if let Some(number) = kill_at {
            strace.args(["-e", &format!("inject={CALLS}:signal=KILL:when={number}")]);
        }
        strace.args(&self.command).stdin(Stdio::null()).stdout(Stdio::null());
        strace.stderr(Stdio::null()).status().unwrap()
    }

    /// What is below the root, by path: kind, mode, owner, and content or target.
    fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut rest: Vec<PathBuf> = self.folders.iter().map(|folder| self.root.join(folder)).collect();
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
            found.insert(path.strip_prefix(self.root).unwrap().to_owned(), text);
        }
        found
    }

    /// Kills it at every call in turn. `reset` makes what was there before; each path must then be as before or as after a
    /// whole run, and after one more run everything is as after a whole one. Gives the number of kills.
    pub fn kill_everywhere(&self, reset: impl Fn()) -> u32 {
        reset();
        let old = self.snapshot();
        assert!(self.run(None).success());
        let new = self.snapshot();
        assert_ne!(old, new, "the command changes nothing");
        let mut kills = 0;
        for number in 1.. {
            assert!(number < 5000, "the command does not end");
            reset();
            if self.run(Some(number)).success() {
                break;
            }
            kills += 1;
            let found = self.snapshot();
            for path in old.keys().chain(new.keys()) {
                if self.records.iter().any(|record| path == Path::new(record)) {
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
            assert!(self.run(None).success(), "after a kill at call {number}");
            assert_eq!(self.snapshot(), new, "after a kill at call {number} and one more run");
        }
        println!("killed at {kills} calls: {}", self.command.join(" "));
        kills
    }
}

/// Ends a test with a line that says why it did not run.
#[macro_export]
macro_rules! needs_kills {
    ($name:literal) => {
        if let Some(reason) = $crate::support::every_call::missing() {
            println!("SKIP {}: {reason}", $name);
            return;
        }
    };
}
