//! Resource limits: the caller's are kept for its shell, and nothing privileged runs under them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// In the kernel's order, which is that of `/proc/PID/limits`.
const ALL: [Resource; 16] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
    Resource::Locks,
    Resource::Sigpending,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
    Resource::Rttime,
];

/// The limits of this process.
#[must_use]
pub fn own() -> Vec<Rlimit> {
    ALL.iter().map(|&resource| getrlimit(resource)).collect()
}

/// Sets those of process 1, WSL's init: what every process of a distribution starts with. Needs root.
pub fn reset() {
    // Enough to read the file below.
    let some =
        Rlimit { current: Some(1024), maximum: getrlimit(Resource::Nofile).maximum.map(|n| n.max(4096)) };
    let _ = setrlimit(Resource::Nofile, some);
    let none = Rlimit { current: None, maximum: None };
    for resource in [Resource::Fsize, Resource::Data, Resource::As] {
        let _ = setrlimit(resource, none);
    }
    let text = std::fs::read_to_string("/proc/1/limits").unwrap_or_default();
    for (&resource, line) in ALL.iter().zip(text.lines().skip(1)) {
        // The names have blanks in them; the columns are fixed.
        let column = |from: usize, to: usize| line.get(from..to).map(str::trim);
        let value = |text: Option<&str>| match text {
            Some("unlimited") => Some(None),
            Some(number) => number.parse().ok().map(Some),
            None => None,
        };
        if let (Some(current), Some(maximum)) = (value(column(26, 46)), value(column(47, 67))) {
            let _ = setrlimit(resource, Rlimit { current, maximum });
        }
    }
}

/// Goes back to the caller's limits where they are lower; raising them is no part of opening a shell.
pub fn restore_lower(limits: &[Rlimit]) {
    let least = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    for (&resource, limit) in ALL.iter().zip(limits) {
        let now = getrlimit(resource);
        let maximum = least(now.maximum, limit.maximum);
        let _ = setrlimit(resource, Rlimit { current: least(limit.current, maximum), maximum });
    }
}
