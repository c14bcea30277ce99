//! One call of wsl.exe: its command line, what it is given, and how it ended.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::decode;
use super::trouble::Trouble;

/// A program that has ended may leave its output open to another one: it is waited for no longer than this.
const REST: Duration = Duration::from_secs(3);

/// wsl.exe, or what has its command line.
#[derive(Clone, Debug)]
pub struct WslProgram {
    /// Its path, or a name in `PATH`.
    pub path: PathBuf,
    /// After this time a call counts as hanging.
    pub limit: Duration,
}

impl WslProgram {
    /// A call with these arguments, each of which arrives as it is.
    pub fn call<S: Into<OsString>>(&self, arguments: impl IntoIterator<Item = S>) -> Call<'_> {
        Call {
            wsl: self,
            arguments: arguments.into_iter().map(Into::into).collect(),
            line: String::new(),
            input: Vec::new(),
            variables: Vec::new(),
        }
    }
}

/// A call that is to be made.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    wsl: &'a WslProgram,
    arguments: Vec<OsString>,
    line: String,
    input: Vec<u8>,
    variables: Vec<(&'static str, String)>,
}

impl Call<'_> {
    /// Ends the command line with a text that the user's shell gets as it stands (W§6.2). It has no double quotes: those
    /// are the Windows command line's.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// Gives it standard input, instead of none.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets a variable of wsl.exe's own environment.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.wsl.path);
        command.args(&self.arguments);
        if !self.line.is_empty() {
            raw_line(&mut command, &self.line);
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command.stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The call as people would type it.
    fn shown(&self) -> String {
        let words = self.arguments.iter().map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains([' ', '\n', '"']) {
                format!("{word:?}")
            } else {
                word.into_owned()
            }
        });
        let program = self.wsl.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut shown: Vec<String> = std::iter::once(program).chain(words).collect();
        if !self.line.is_empty() {
            shown.push(self.line.clone());
        }
        if !self.input.is_empty() && self.input.len() < 2000 {
            shown.push(format!("<<< {:?}", String::from_utf8_lossy(&self.input)));
        }
        shown.join(" ")
    }

    /// Makes the call, and waits for its end.
    ///
    /// # Errors
    /// It cannot be started, or does not end in time.
    pub fn reply(self) -> Result<Ending, Trouble> {
        let shown = self.shown();
        let failed = |what: String| Trouble::Failed(format!("{shown}: {what}"));
        let mut child =
            self.command().spawn().map_err(|error| failed(format!("it cannot be started: {error}")))?;
        let out = gather(child.stdout.take());
        let err = gather(child.stderr.take());
        if let Some(mut pipe) = child.stdin.take() {
            // A program that does not read it all is no fault.
            thread::spawn(move || drop(pipe.write_all(&self.input)));
        }
        let code = wait(&mut child, self.wsl.limit).map_err(|error| failed(error.to_string()))?;
        let (out, err) = (out.take(), err.take());
        let Some(code) = code else {
            let limit = self.wsl.limit.as_secs();
            return Err(failed(format!(
                "no end within {limit} s\n{}{}",
                decode::text(&out),
                decode::text(&err)
            )));
        };
        Ok(Ending { code, out: decode::text(&out), err: decode::text(&err), shown })
    }

    /// Makes the call, which must succeed: its output without the last line feed.
    ///
    /// # Errors
    /// As [`Call::reply`], and another exit code than 0.
    pub fn ok(self) -> Result<String, Trouble> {
        self.reply()?.ok()
    }

    /// Makes the call, which must succeed and print this.
    ///
    /// # Errors
    /// As [`Call::ok`], and another output.
    pub fn prints(self, expected: &str) -> Result<(), Trouble> {
        self.reply()?.ends(0, expected)
    }
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    shown: String,
}

impl Ending {
    /// The output without the last line feed, of a call that succeeded.
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

/// wsl.exe hands on the rest of the command line as it stands.
#[cfg(windows)]
fn raw_line(command: &mut Command, line: &str) {
    use std::os::windows::process::CommandExt;
    command.raw_arg(line);
}

/// wsl-sim puts a command line together by the rules of Windows: words without quotes and blanks stay as they are.
#[cfg(not(windows))]
fn raw_line(command: &mut Command, line: &str) {
    command.args(line.split(' '));
}

struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Gathered {
    fn take(self) -> Vec<u8> {
        let end = Instant::now() + REST;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn gather(pipe: Option<impl Read + Send + 'static>) -> Gathered {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&bytes);
    let thread = pipe.map(|mut pipe| {
        thread::spawn(move || {
            let mut buffer = [0; 16384];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
        })
    });
    Gathered { bytes, thread }
}

/// The exit code, or none where it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<i32>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A program of Windows beside wsl.exe: its output.
///
/// # Errors
/// It cannot be started, or fails.
pub fn windows_program(path: &Path, arguments: &[&str]) -> Result<String, Trouble> {
    let wsl = WslProgram { path: path.to_owned(), limit: Duration::from_secs(60) };
    wsl.call(arguments.iter().copied()).ok()
}
