//! A program that is asked something and may never answer.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::wait;

/// How long a program may take, and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until it has ended.
    pub patience: Duration,
    /// Of each of its streams, in bytes.
    pub length: usize,
}

impl Limits {
    /// For an answer of a few lines.
    #[must_use]
    pub const fn short(patience: Duration) -> Self {
        Self { patience, length: 1 << 20 }
    }
}

/// What a program has said, whatever its exit code: see [`decode`].
#[derive(Debug)]
pub struct Answer {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program to its end, or for so long; what is still in its process group ends with it. No thread is made: there are
/// none for a process whose children are in another process namespace.
///
/// # Errors
/// A phrase that says why there is no answer: it cannot be started, is not done in time, or says too much.
pub fn ask(command: &mut Command, limits: Limits) -> Result<Answer, String> {
    let name = command.get_program().display().to_string();
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let streams = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    let mut streams = streams.map(|stream| Stream::new(stream, limits.length));
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = group.map_or(Ok(false), |group| listen(group, &mut streams, limits.patience));
    if let Some(group) = group {
        // What it has started may hold its output open. Until it is waited for, the number is nobody else's.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().map_err(|error| failed(&error))?;
    if !ended.map_err(|error| failed(&error))? {
        return Err(format!("{name}: no answer within {} s", limits.patience.as_secs()));
    }
    if streams.iter().any(Stream::is_beyond) {
        return Err(format!("{name}: says more than {} bytes", limits.length));
    }
    let [out, err] = streams.map(|stream| decode(&stream.text));
    Ok(Answer { out, err })
}

/// UTF-16, where Windows' programs write it; anything else is taken for UTF-8.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned()
}

/// A stream of the program, until it ends.
struct Stream {
    file: Option<File>,
    text: Vec<u8>,
    limit: usize,
}

impl Stream {
    fn new(descriptor: Option<OwnedFd>, limit: usize) -> Self {
        // Our end alone: the program's is another open file.
        let file = descriptor.filter(|end| fcntl_setfl(end, OFlags::NONBLOCK).is_ok()).map(File::from);
        Self { file, text: Vec::new(), limit }
    }

    fn is_beyond(&self) -> bool {
        self.text.len() > self.limit
    }

    /// Takes what is there, and of too much one byte.
    fn read(&mut self) {
        let Some(file) = &mut self.file else { return };
        let room = self.limit + 1 - self.text.len();
        match file.take(room as u64).read_to_end(&mut self.text) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => self.file = None,
        }
    }
}

/// Reads until the program ends or has said too much: whether it does either within the limit.
fn listen(process: Pid, streams: &mut [Stream; 2], limit: Duration) -> std::io::Result<bool> {
    let descriptor = pidfd_open(process, PidfdFlags::empty())?;
    let end = Instant::now() + limit;
    loop {
        let mut polled = vec![PollFd::new(&descriptor, PollFlags::IN)];
        let open = streams.iter().filter_map(|stream| stream.file.as_ref());
        polled.extend(open.map(|file| PollFd::new(file, PollFlags::IN)));
        let ready = wait::until(&mut polled, end)?;
        let ended = !polled[0].revents().is_empty();
        streams.iter_mut().for_each(Stream::read);
        let beyond = streams.iter().any(Stream::is_beyond);
        if ended || beyond || ready == 0 {
            return Ok(ended || beyond);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        command
    }

    const LONG: Limits = Limits::short(Duration::from_secs(60));

    #[test]
    fn an_answer_is_both_streams_and_silence_has_an_end() {
        let answer = ask(&mut sh("echo a; echo b >&2; exit 3"), LONG).unwrap();
        assert_eq!((&*answer.out, &*answer.err), ("a\n", "b\n"));
        let second = Limits::short(Duration::from_secs(1));
        let silent = ask(&mut sh("sleep 1000 & sleep 1000"), second).unwrap_err();
        assert_eq!(silent, "/bin/sh: no answer within 1 s");
        assert!(ask(&mut Command::new("/nonexistent"), second).is_err());
    }

    #[test]
    fn an_answer_without_an_end_is_none() {
        let few = Limits { length: 4, ..LONG };
        assert_eq!(ask(&mut sh("printf 1234"), few).unwrap().out, "1234");
        for line in ["printf 12345", "exec cat /dev/zero", "exec cat /dev/zero >&2"] {
            assert_eq!(ask(&mut sh(line), few).unwrap_err(), "/bin/sh: says more than 4 bytes", "{line}");
        }
    }

    #[test]
    fn windows_writes_utf_16() {
        let text = "NixOS\r\nZoë\r\n";
        let bytes: Vec<u8> = "\u{feff}"
            .chars()
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(decode(&bytes), text);
        assert_eq!(decode(&bytes[2..]), text);
        assert_eq!(decode(text.as_bytes()), text);
    }
}
