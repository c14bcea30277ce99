//! A program that is asked something and may never answer.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// What a program has said, whatever its exit code.
#[derive(Debug)]
pub struct Answer {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program to its end, or for so long.
///
/// # Errors
/// A phrase that says why there is no answer.
pub fn ask(command: &mut Command, limit: Duration) -> Result<Answer, String> {
    let name = command.get_program().display().to_string();
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let out = child.stdout.take().map(reader);
    let err = child.stderr.take().map(reader);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = group.map(|group| wait(group, limit));
    if let Some(group) = group {
        // What it has started may hold its output open. Until it is waited for, the number is nobody else's.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().map_err(|error| failed(&error))?;
    if ended == Some(Ok(false)) {
        return Err(format!("{name}: no answer within {} s", limit.as_secs()));
    }
    let text = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Answer { out: text(out), err: text(err) })
}

fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// Whether a process ends within the limit.
fn wait(process: Pid, limit: Duration) -> Result<bool, Errno> {
    let descriptor = pidfd_open(process, PidfdFlags::empty())?;
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    let limit = Timespec { tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: 0 };
    Ok(poll(&mut polled, Some(&limit))? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_both_streams_and_silence_has_an_end() {
        let sh = |line: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            command
        };
        let answer = ask(&mut sh("echo a; echo b >&2; exit 3"), Duration::from_secs(60)).unwrap();
        assert_eq!((&*answer.out, &*answer.err), ("a\n", "b\n"));
        let silent = ask(&mut sh("sleep 1000 & sleep 1000"), Duration::from_secs(1)).unwrap_err();
        assert_eq!(silent, "/bin/sh: no answer within 1 s");
        assert!(ask(&mut Command::new("/nonexistent"), Duration::from_secs(1)).is_err());
    }
}
