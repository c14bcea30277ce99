//! One call of wsl.exe: its command line, and what it is given.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::console;
use super::process::{Ending, run, typed};
use super::trouble::Trouble;

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

    /// Makes the call, and waits for its end.
    ///
    /// # Errors
    /// It cannot be started, or does not end in time.
    pub fn reply(self) -> Result<Ending, Trouble> {
        let mut command = Command::new(&self.wsl.path);
        command.args(&self.arguments).envs(self.variables);
        let mut shown = typed(&command);
        if !self.line.is_empty() {
            raw_line(&mut command, &self.line);
            let _ = write!(shown, " {}", self.line);
        }
        if !self.input.is_empty() && self.input.len() < 2000 {
            let _ = write!(shown, " <<< {:?}", String::from_utf8_lossy(&self.input));
        }
        run(command, shown, self.input, self.wsl.limit)
    }

    /// Makes the call on a console of its own, where these keys are typed, and waits for its end. It has no [`Call::line`],
    /// no [`Call::input`] and, as Windows' console has it, no blank in an argument.
    ///
    /// # Errors
    /// As [`Call::reply`], and there is no console.
    pub fn on_console(self, keys: &str) -> Result<Ending, Trouble> {
        let mut command = Command::new(&self.wsl.path);
        command.args(&self.arguments).envs(self.variables);
        let shown = typed(&command);
        console::run(command, shown, keys, self.wsl.limit)
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
