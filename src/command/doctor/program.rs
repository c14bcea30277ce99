//! A program that is asked something and may never answer.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// What a program has said, whatever its exit code.
#[derive(Debug)]
pub struct Answer {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program to its end, or for so long. No thread is made: there are none for a process whose children are in another
/// process namespace.
///
/// # Errors
/// A phrase that says why there is no answer.
pub fn ask(command: &mut Command, limit: Duration) -> Result<Answer, String> {
    let name = command.get_program().display().to_string();
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let streams = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    let mut streams = streams.map(Stream::new);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = group.map_or(Ok(false), |group| listen(group, &mut streams, limit));
    if let Some(group) = group {
        // What it has started may hold its output open. Until it is waited for, the number is nobody else's.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().map_err(|error| failed(&error))?;
    if !ended.map_err(|error| failed(&error))? {
        return Err(format!("{name}: no answer within {} s", limit.as_secs()));
    }
    let [out, err] = streams.map(|stream| String::from_utf8_lossy(&stream.text).into_owned());
    Ok(Answer { out, err })
}

/// A stream of the program, until it ends.
struct Stream {
    file: Option<File>,
    text: Vec<u8>,
}

impl Stream {
    fn new(descriptor: Option<OwnedFd>) -> Self {
        // Our end alone: the program's is another open file.
        let file = descriptor.filter(|end| fcntl_setfl(end, OFlags::NONBLOCK).is_ok()).map(File::from);
        Self { file, text: Vec::new() }
    }

    /// Takes what is there.
    fn read(&mut self) {
        let Some(file) = &mut self.file else { return };
        match file.read_to_end(&mut self.text) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => self.file = None,
        }
    }
}

/// Reads until the program ends: whether it does within the limit.
fn listen(process: Pid, streams: &mut [Stream; 2], limit: Duration) -> std::io::Result<bool> {
    let descriptor = pidfd_open(process, PidfdFlags::empty())?;
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut polled = vec![PollFd::new(&descriptor, PollFlags::IN)];
        let open = streams.iter().filter_map(|stream| stream.file.as_ref());
        polled.extend(open.map(|file| PollFd::new(file, PollFlags::IN)));
        let ready = poll(&mut polled, Some(&left))?;
        let ended = !polled[0].revents().is_empty();
        streams.iter_mut().for_each(Stream::read);
        if ended || ready == 0 {
            return Ok(ended);
        }
    }
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
