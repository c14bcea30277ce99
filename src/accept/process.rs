//! A process that is given its input and has to end in time, and how it ended.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::decode;
use super::trouble::Trouble;

/// A program that has ended may leave its output open to another one: it is waited for no longer than this.
const REST: Duration = Duration::from_secs(3);

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    /// The command, as people would type it.
    pub(super) shown: String,
}

impl Ending {
    /// The output without the last line feed, of a process that succeeded.
    ///
    /// # Errors
    /// Another exit code than 0.
    pub fn ok(self) -> Result<String, Trouble> {
        if self.code == 0 { Ok(self.out.trim_end().to_owned()) } else { Err(self.fault("it failed")) }
    }

    /// Compares exit code and output.
    ///
    /// # Errors
    /// One of them is another.
    pub fn ends(self, code: i32, out: &str) -> Result<(), Trouble> {
        if self.code == code && self.out.trim_end() == out {
            Ok(())
        } else {
            Err(self.fault(&format!("not exit code {code} and {out:?}")))
        }
    }

    /// What is wrong with it, with all that it said.
    #[must_use]
    pub fn fault(&self, what: &str) -> Trouble {
        Trouble::Failed(format!(
            "{}: {what}: exit code {}, {:?}, {:?}",
            self.shown, self.code, self.out, self.err
        ))
    }
}

/// Starts a command with this standard input, or with none where it is empty, and waits for its end. Faults name it as
/// `shown`.
///
/// # Errors
/// It cannot be started, or does not end in time.
pub fn run(mut command: Command, shown: String, input: Vec<u8>, limit: Duration) -> Result<Ending, Trouble> {
    let failed = |what: String| Trouble::Failed(format!("{shown}: {what}"));
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("it cannot be started: {error}")))?;
    let (out, err) = (child.stdout.take().map(parts), child.stderr.take().map(parts));
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read it all is no fault.
        thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let code = end_in_time(&mut child, limit).map_err(|error| failed(error.to_string()))?;
    let [out, err] = [out, err].map(|parts| decode::text(&parts.as_ref().map(gathered).unwrap_or_default()));
    let Some(code) = code else {
        return Err(failed(format!("no end within {} s\n{out}{err}", limit.as_secs())));
    };
    Ok(Ending { code, out, err, shown })
}

/// A command as people would type it.
#[must_use]
pub fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = command.get_args().map(|word| {
        let word = word.to_string_lossy();
        if word.is_empty() || word.contains([' ', '\n', '"']) {
            format!("{word:?}")
        } else {
            word.into_owned()
        }
    });
    std::iter::once(program.to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A program of Windows beside wsl.exe: its output.
///
/// # Errors
/// It cannot be started, or fails.
pub fn windows_program(path: &Path, arguments: &[&str]) -> Result<String, Trouble> {
    let mut command = Command::new(path);
    command.args(arguments);
    let shown = typed(&command);
    run(command, shown, Vec::new(), Duration::from_secs(60))?.ok()
}

/// What comes out of a pipe, as it comes.
pub(super) fn parts(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 16384];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            // Read on where nobody takes it any more: whoever still has the pipe is not to fail because of us.
            drop(sender.send(buffer[..count].to_vec()));
        }
    });
    receiver
}

/// What came until the pipe's end, or in the time that is left to those who have it still.
pub(super) fn gathered(parts: &Receiver<Vec<u8>>) -> Vec<u8> {
    let end = Instant::now() + REST;
    let left = || end.checked_duration_since(Instant::now());
    std::iter::from_fn(|| parts.recv_timeout(left()?).ok()).flatten().collect()
}

/// The exit code, or none where it had to be ended.
fn end_in_time(child: &mut Child, limit: Duration) -> io::Result<Option<i32>> {
    let found = wait(limit, || Ok(child.try_wait()?.map(code)))?;
    if found.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(found)
}

/// Asks for a process's end until there is one: its exit code, or none after `limit`.
pub(super) fn wait(
    limit: Duration,
    mut ended: impl FnMut() -> io::Result<Option<i32>>,
) -> io::Result<Option<i32>> {
    let end = Instant::now() + limit;
    loop {
        let code = ended()?;
        if code.is_some() || Instant::now() > end {
            return Ok(code);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The exit code, as far as there is one.
pub(super) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
