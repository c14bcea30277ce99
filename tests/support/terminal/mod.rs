//! wsl-sim on a terminal of the test's own.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::Instant;

use nixos_wsl::sim::wire::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::patience::seconds;
use crate::support::sim::{Sim, code};

/// wsl-sim on a terminal, and the terminal's other side.
pub struct Terminal {
    /// The test's side.
    pub master: File,
    /// The program's side.
    pub slave: OwnedFd,
    /// wsl-sim.
    pub client: Child,
    /// What was printed and not looked for yet.
    pub seen: String,
}

impl Terminal {
    /// Starts wsl-sim on a terminal of 33 lines.
    pub fn open(sim: &Sim, arguments: &[&str], columns: u16) -> Self {
        let (master, slave) = pair(33, columns);
        let stream = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let mut command = sim.command(arguments);
        // Whoever runs the tests may have none, and without it nothing draws.
        command.env("TERM", "xterm-256color");
        let client = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("wsl-sim");
        Self { master, slave, client, seen: String::new() }
    }

    /// Types.
    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Reads until a text has appeared, and gives what came before it.
    pub fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + seconds(60);
        while !self.seen.contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in {:?}", self.seen);
            let timeout = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            let mut events = [PollFd::new(&self.master, PollFlags::IN)];
            if poll(&mut events, Some(&timeout)).expect("a terminal") > 0 {
                let mut buffer = [0; 4096];
                let count = self.master.read(&mut buffer).expect("a terminal");
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        }
        let start = self.seen.find(text).expect("it was found");
        let mut before: String = self.seen.drain(..start + text.len()).collect();
        before.truncate(start);
        before
    }

    /// Closes the window: the terminal is gone, and wsl-sim gets the signal that its own terminal's end would send.
    pub fn hang_up(self) {
        let Self { master, slave, mut client, .. } = self;
        drop((master, slave));
        let pid = rustix::process::Pid::from_child(&client);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("wsl-sim runs");
        client.wait().expect("its end");
    }

    /// Waits for the exit code.
    pub fn end(&mut self) -> i32 {
        code(self.client.wait().expect("its end"))
    }
}

/// Both sides of a terminal of this size: the test's and the program's.
pub fn pair(rows: u16, columns: u16) -> (File, OwnedFd) {
    let (master, slave) = terminal::pair().expect("a terminal");
    resize(&master, rows, columns);
    (master.into(), slave)
}

/// Gives the terminal another size.
pub fn resize(master: impl AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal");
}
