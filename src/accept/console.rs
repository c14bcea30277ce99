//! A command on a console of its own: a pseudo console of Windows, a terminal of Linux.

use std::io::{self, Read, Write};
use std::process::Command;
use std::time::Duration;

#[cfg(windows)]
use pseudo_console::PseudoConsole as Console;
#[cfg(unix)]
use pseudo_terminal::PseudoTerminal as Console;

use super::process::{self, Ending};
use super::trouble::Trouble;

/// Lines and columns of the console.
pub const SIZE: (u16, u16) = (30, 100);

/// Starts a command on a console, types `keys` once something is shown, and waits for its end. Its standard output is what the
/// console was given to show, with the console's own sequences. Faults name it as `shown`.
///
/// # Errors
/// There is no console, the command cannot be started, or does not end in time.
pub fn run(command: Command, shown: String, keys: &str, limit: Duration) -> Result<Ending, Trouble> {
    let failed = |what: String| Trouble::Failed(format!("{shown}, on a console: {what}"));
    let started = |error: io::Error| failed(format!("it cannot be started: {error}"));
    let mut console = Console::start(command).map_err(started)?;
    let (reader, writer) = console.streams().map_err(started)?;
    let output = process::parts(Typist { reader, writer, keys: keys.as_bytes().to_vec() });
    let code = process::wait(limit, || console.ended())
        .and_then(|code| if code.is_some() { Ok(code) } else { console.kill().map(|()| None) })
        .map_err(|error| failed(error.to_string()))?;
    // A console's end is the end of its output.
    drop(console);
    let out = String::from_utf8_lossy(&process::gathered(&output)).into_owned();
    match code {
        Some(code) => Ok(Ending { code, out, err: String::new(), shown }),
        None => Err(failed(format!("no end within {} s\n{out}", limit.as_secs()))),
    }
}

/// What a console shows, with somebody before it who types.
struct Typist<R, W> {
    reader: R,
    writer: W,
    keys: Vec<u8>,
}

impl<R: Read, W: Write> Read for Typist<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count > 0 {
            self.writer.write_all(&std::mem::take(&mut self.keys))?;
        }
        Ok(count)
    }
}

#[cfg(windows)]
mod pseudo_console {
    use std::ffi::OsStr;
    use std::io;
    use std::process::Command;

    use conpty::io::{PipeReader, PipeWriter};
    use conpty::{Process, ProcessOptions};

    use super::SIZE;

    pub struct PseudoConsole(Process);

    impl PseudoConsole {
        pub fn start(command: Command) -> io::Result<Self> {
            // The library joins the words of a command line as they are.
            let blank = |word: &OsStr| word.to_string_lossy().contains([' ', '\t', '"']);
            let mut words = std::iter::once(command.get_program()).chain(command.get_args());
            if let Some(word) = words.find(|word| blank(word)) {
                let problem = format!("a word with a blank or a quote: {}", word.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
            let size = (SIZE.1.cast_signed(), SIZE.0.cast_signed());
            Ok(Self(ProcessOptions::default().set_console_size(Some(size)).spawn(command)?))
        }

        pub fn streams(&mut self) -> io::Result<(PipeReader, PipeWriter)> {
            Ok((self.0.output()?, self.0.input()?))
        }

        pub fn ended(&mut self) -> io::Result<Option<i32>> {
            if self.0.is_alive() { Ok(None) } else { Ok(Some(self.0.wait(None)?.cast_signed())) }
        }

        pub fn kill(&mut self) -> io::Result<()> {
            Ok(self.0.exit(1)?)
        }
    }
}

#[cfg(unix)]
mod pseudo_terminal {
    use std::fs::File;
    use std::io;
    use std::process::{Child, Command};

    use rustix::pty::OpenptFlags;
    use rustix::termios::{Winsize, tcsetwinsize};

    use super::{SIZE, process};

    pub struct PseudoTerminal {
        child: Child,
        terminal: File,
    }

    impl PseudoTerminal {
        pub fn start(mut command: Command) -> io::Result<Self> {
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            let terminal = rustix::pty::openpt(flags)?;
            rustix::pty::unlockpt(&terminal)?;
            let (ws_row, ws_col) = SIZE;
            tcsetwinsize(&terminal, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 })?;
            let side = rustix::pty::ioctl_tiocgptpeer(&terminal, flags)?;
            command.stdin(side.try_clone()?).stdout(side.try_clone()?).stderr(side);
            // The command's own descriptors close with it, so that the program's end ends the terminal.
            Ok(Self { child: command.spawn()?, terminal: terminal.into() })
        }

        pub fn streams(&mut self) -> io::Result<(File, File)> {
            Ok((self.terminal.try_clone()?, self.terminal.try_clone()?))
        }

        pub fn ended(&mut self) -> io::Result<Option<i32>> {
            Ok(self.child.try_wait()?.map(process::code))
        }

        pub fn kill(&mut self) -> io::Result<()> {
            self.child.kill()?;
            self.child.wait().map(drop)
        }
    }
}
