//! A distribution that runs, looked at from outside: WSL's system distribution, in whose process namespace the other
//! distribution's is (`main.cpp` of WSL, `ProcessLaunchInitMessage`), or a shell that namespace mode has left outside.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::super::finding::{FindingKind, finding};
use super::report::Report;
use crate::command::status::{Status, status};
use crate::system::error::one_line;
use crate::system::program::{self, Limits};
use crate::system::root::Root;

/// Several times what the doctor inside may wait for one answer.
const LIMITS: Limits = Limits::short(Duration::from_secs(120));

/// What the doctor says inside the distribution at `root`; nothing where it does not run, or this process is inside, or
/// may not go there.
pub fn examine(root: &Root) -> Option<Report> {
    let here = root.directory() == Path::new("/");
    if here && matches!(status(), Status::Inside | Status::Lost | Status::Native | Status::Stopped)
        || !rustix::process::geteuid().is_root()
    {
        return None;
    }
    let process = first_process(root)?;
    match ask(&process) {
        Ok(report) => Some(report),
        Err(reason) => {
            let fault = format!(
                "the distribution at {} runs, and cannot be asked: {reason}",
                root.directory().display()
            );
            let mut report = Report::default();
            report.findings.push(finding(
                FindingKind::SystemdSilent,
                fault,
                "`wsl --terminate` ends it; this command then says what its files tell",
            ));
            Some(report)
        }
    }
}

/// The innermost first process of a process namespace below this one whose root is `root`.
fn first_process(root: &Root) -> Option<String> {
    let place = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let wanted = place(root.directory())?;
    let depth = |status: &str| -> Option<usize> {
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        let numbers: Vec<&str> = numbers.split_ascii_whitespace().collect();
        (numbers.len() > 1 && numbers.last() == Some(&"1")).then_some(numbers.len())
    };
    let candidates = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let folder = entry.path();
        let depth = depth(&fs::read_to_string(folder.join("status")).ok()?)?;
        (place(&folder.join("root")) == Some(wanted)).then_some((depth, folder))
    });
    let (_, folder) = candidates.max_by_key(|(depth, _)| *depth)?;
    Some(folder.display().to_string())
}

/// Starts this same program inside, and reads what it says.
fn ask(process: &str) -> Result<Report, String> {
    let failed = |what: String| move |error: rustix::io::Errno| format!("{what}: {error}");
    let open = |path: String| {
        openat(CWD, &*path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed(path.clone()))
    };
    let myself = File::open("/proc/self/exe").map_err(|error| format!("this program: {error}"))?;
    // The processes first: /proc is the other's afterwards. Only children are moved into them.
    let kinds = [
        ("pid", LinkNameSpaceType::ProcessID),
        ("cgroup", LinkNameSpaceType::ControlGroup),
        ("mnt", LinkNameSpaceType::Mount),
    ];
    let descriptors: Vec<_> =
        kinds.iter().map(|(name, _)| open(format!("{process}/ns/{name}"))).collect::<Result<_, _>>()?;
    for (descriptor, (name, kind)) in descriptors.iter().zip(kinds) {
        move_into_link_name_space(descriptor.as_fd(), Some(kind))
            .map_err(failed(format!("{process}/ns/{name}")))?;
    }
    let number = std::os::fd::AsRawFd::as_raw_fd(&myself);
    let mut command = Command::new(format!("/proc/self/fd/{number}"));
    let answer =
        program::ask(command.args(["doctor", "--format", "json", "--root", "/"]).current_dir("/"), LIMITS)?;
    serde_json::from_str(&answer.out)
        .map_err(|error| format!("{}: {}", one_line(error), one_line(answer.err.trim())))
}
