//! A launch on a terminal: window size, control characters, job control, hang-up (W§6).
#![cfg(feature = "sim")]

mod sim;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use sim::{Sim, code, exists};

/// wsl-sim on a terminal, and the terminal's other side.
struct Terminal {
    master: File,
    slave: OwnedFd,
    client: Child,
    seen: String,
}

impl Terminal {
    fn open(sim: &Sim, arguments: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).expect("a terminal");
        rustix::pty::unlockpt(&master).expect("a terminal");
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).expect("a terminal");
        resize(&master, 33, 111);
        let stream = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let mut command = sim.command(arguments);
        let client = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("wsl-sim");
        Self { master: master.into(), slave, client, seen: String::new() }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Reads until a text has appeared.
    fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
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
        let end = self.seen.find(text).expect("it was found") + text.len();
        self.seen.drain(..end);
    }

    fn end(&mut self) -> i32 {
        code(self.client.wait().expect("its end"))
    }
}

fn resize(master: impl AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal");
}

const PATH: &str = "PATH=$PATH:/nix/var/nix/profiles/system/sw/bin; PS1='ready> '\n";

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_shell_on_a_terminal() {
    let Some(sim) = Sim::with_image("a_shell_on_a_terminal") else { return };
    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"]);
    terminal.expect("$ ");
    let modes = tcgetattr(&terminal.slave).expect("a terminal").local_modes;
    assert!(!modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG), "raw while it runs");
    terminal.type_in(PATH);
    terminal.expect("\nready> ");
    terminal.type_in("test -t 0 -a -t 1 -a -t 2 && echo all'three'; echo login $0; stty size\n");
    terminal.expect("allthree");
    terminal.expect("login -");
    terminal.expect("33 111");
    resize(&terminal.master, 50, 132);
    let pid = i32::try_from(terminal.client.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::WINCH).expect("the client runs");
    terminal.type_in("while [ \"$(stty size)\" != '50 132' ]; do sleep 0.1; done; echo re'sized'\n");
    terminal.expect("resized");
    terminal.type_in("sleep 1000; echo after sleep\n");
    terminal.expect("after sleep\r\n");
    std::thread::sleep(Duration::from_millis(300));
    terminal.type_in("\x03");
    terminal.expect("ready> ");
    terminal.type_in("echo code $?\n");
    terminal.expect("code 130");
    terminal.type_in("sleep 1000\n");
    std::thread::sleep(Duration::from_millis(300));
    terminal.type_in("\x1a");
    terminal.expect("Stopped");
    terminal.type_in("kill %1; stat -c %U:%a $(tty)\n");
    terminal.expect("nixos:620");
    terminal.type_in("exit 7\n");
    assert_eq!(terminal.end(), 7);
    let modes = tcgetattr(&terminal.slave).expect("a terminal").local_modes;
    assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG), "as it was before");
}

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn all_output_and_a_hang_up() {
    let Some(sim) = Sim::with_image("all_output_and_a_hang_up") else { return };
    // Output of a command is all there, though its process has ended at once.
    let mut terminal = Terminal::open(
        &sim,
        &["-e", "/bin/sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done"],
    );
    terminal.expect("line 4999\r\n");
    assert_eq!(terminal.end(), 0);
    // A client that is killed hangs up, and its session dies.
    let mut terminal =
        Terminal::open(&sim, &["-u", "root", "-e", "/bin/sh", "-c", "echo started; exec sleep 98765"]);
    terminal.expect("started");
    let sleeps = || {
        sim.processes("NixOS")
            .into_iter()
            .filter(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|line| line.contains("98765"))
            })
            .collect::<Vec<_>>()
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while sleeps().is_empty() {
        assert!(Instant::now() < deadline, "no sleep");
    }
    let pids = sleeps();
    terminal.client.kill().expect("the client runs");
    terminal.end();
    while pids.iter().any(|&pid| exists(pid)) {
        assert!(Instant::now() < deadline, "the session lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}
