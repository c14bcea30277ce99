//! Kills at chosen moments: at random ones, and at every system call that changes a disk, by strace's injection.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Every system call that changes a file system; strace passes over those that a machine does not have.
const CALLS: &str = "?open,openat,?creat,write,pwrite64,writev,pwritev,copy_file_range,sendfile,fallocate,?rename,?renameat,\
    renameat2,?link,linkat,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?symlink,symlinkat,?mknod,mknodat,?chmod,fchmod,fchmodat,\
    ?chown,?lchown,fchown,fchownat,truncate,ftruncate,utimensat,fsync,fdatasync,sync,syncfs,setxattr,fsetxattr";

/// How many kills a test makes: `NIXOS_WSL_KILLS`, which checks/soak sets, or the few of checks/run.
pub fn rounds(default: usize) -> usize {
    std::env::var("NIXOS_WSL_KILLS").map_or(default, |text| text.parse().unwrap())
}

/// Moments by a fixed sequence, which keeps a failure repeatable.
pub struct Moments(u64);

impl Moments {
    pub fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    /// A time below `most`.
    pub fn below(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most.as_nanos()).unwrap().max(1);
        Duration::from_nanos(self.0 % most)
    }
}

/// The n-th call of one name by one process or thread, counted from 1: it is not carried out any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub call: String,
    pub number: u32,
}

/// A command under strace, which logs its calls to `log` or kills it at a point.
pub fn traced(log: &Path, point: Option<&Point>, more: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = ["strace", "-f", "-qq", "-y", "-o"].map(str::to_owned).to_vec();
    words.push(log.display().to_string());
    words.extend(more.iter().map(|&word| word.to_owned()));
    words.extend(["-e".to_owned(), format!("trace={CALLS}")]);
    if let Some(Point { call, number }) = point {
        words.extend(["-e".to_owned(), format!("inject={call}:signal=KILL:when={number}")]);
    }
    words
}

/// The points of a log: calls that change a file, once each however many processes make them.
pub fn points(log: &Path) -> Vec<Point> {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let mut counts: HashMap<(&str, &str), u32> = HashMap::new();
    let mut found = BTreeSet::new();
    let mut order = Vec::new();
    for line in text.lines() {
        // Without -f the lines have no process id.
        let has_id = line.starts_with(|letter: char| letter.is_ascii_digit());
        let Some((process, rest)) = (if has_id { line.split_once(' ') } else { Some(("", line)) }) else {
            continue;
        };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue; // the second half of a call, or a signal
        }
        let number = counts.entry((process, call)).or_default();
        *number += 1;
        let point = Point { call: call.to_owned(), number: *number };
        if changes(call, arguments) && found.insert(point.clone()) {
            order.push(point);
        }
    }
    assert!(!order.is_empty(), "no call that changes a file:\n{text}");
    order
}

fn changes(call: &str, arguments: &str) -> bool {
    match call {
        "open" | "openat" => arguments.contains("O_CREAT") || arguments.contains("O_TRUNC"),
        // The first argument is a descriptor with what it stands for: pipes, sockets and devices are no files.
        "write" | "pwrite64" | "writev" | "pwritev" | "sendfile" => arguments
            .split_once('<')
            .is_some_and(|(_, path)| path.starts_with('/') && !path.starts_with("/dev/")),
        _ => true,
    }
}

/// At most so many of them, evenly spread, the first and the last among them.
pub fn spread<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    if all.len() <= most || most < 2 {
        return all.to_vec();
    }
    (0..most).map(|at| all[at * (all.len() - 1) / (most - 1)].clone()).collect()
}

/// Runs words as a command, its output dropped; says whether it was killed.
pub fn killed(words: &[String]) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let status = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    status.signal() == Some(9) || status.code() == Some(137)
}
