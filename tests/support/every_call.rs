//! A program killed at every system call that changes the disk (`kills`): what is there then is old or new.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::kills::{Point, killed, points, traced};

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
    /// Runs it, up to a point; says whether it was killed there.
    fn run(&self, log: &Path, point: Option<&Point>) -> bool {
        let mut words = traced(log, point, &[]);
        words.extend(self.command.iter().cloned());
        killed(&words)
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
    pub fn kill_everywhere(&self, reset: impl Fn()) -> usize {
        let log = tempfile::NamedTempFile::new().unwrap();
        let whole = || assert!(!self.run(log.path(), None), "nothing has killed it");
        reset();
        let old = self.snapshot();
        whole();
        let new = self.snapshot();
        assert_ne!(old, new, "the command changes nothing");
        let points = points(log.path());
        for point in &points {
            reset();
            assert!(self.run(log.path(), Some(point)), "{point:?} was not reached");
            let found = self.snapshot();
            for path in old.keys().chain(new.keys()) {
                if self.records.iter().any(|record| path == Path::new(record)) {
                    continue;
                }
                let now = found.get(path);
                assert!(
                    now == old.get(path) || now == new.get(path),
                    "{point:?}: {} is {now:?}, neither {:?} nor {:?}",
                    path.display(),
                    old.get(path),
                    new.get(path)
                );
            }
            whole();
            assert_eq!(self.snapshot(), new, "after a kill at {point:?} and one more run");
        }
        println!("killed at {} calls: {}", points.len(), self.command.join(" "));
        points.len()
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
