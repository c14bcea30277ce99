//! A launch on a terminal: window size, control characters, job control, hang-up (W§6).
#![cfg(feature = "sim")]

use crate::support::patience::eventually;
use crate::support::sim::{Sim, exists, image, systemd_exec};
use crate::support::terminal::{Terminal, resize};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

/// Whether a program with these arguments runs in a distribution and has its terminal.
fn foreground(sim: &Sim, arguments: &[&str]) -> bool {
    let wanted: String = arguments.iter().flat_map(|argument| [*argument, "\0"]).collect();
    sim.processes("NixOS").into_iter().any(|pid| {
        let runs = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == wanted);
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        // Process group, and the terminal's foreground process group: proc_pid_stat(5).
        runs && fields.len() > 5 && fields[2] == fields[5]
    })
}

const PATH: &str = "PATH=$PATH:/nix/var/nix/profiles/system/sw/bin; PS1='ready> '\n";

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn a_shell_on_a_terminal() {
    let Some(sim) = Sim::with_image("a_shell_on_a_terminal") else { return };
    let mut terminal = Terminal::open(&sim, &["-d", "NixOS"], 111);
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
    let sleeping = |duration: &str| {
        eventually("the shell's command runs", || foreground(&sim, &["sleep", duration]));
    };
    terminal.type_in("sleep 1001; echo after sleep\n");
    terminal.expect("after sleep\r\n");
    sleeping("1001");
    terminal.type_in("\x03");
    terminal.expect("ready> ");
    terminal.type_in("echo code $?\n");
    terminal.expect("code 130");
    terminal.type_in("sleep 1002\n");
    sleeping("1002");
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
    let line = "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done";
    let mut terminal = Terminal::open(&sim, &systemd_exec(&["/bin/sh", "-c", line]), 111);
    terminal.expect("line 4999\r\n");
    assert_eq!(terminal.end(), 0);
    // A client that is killed hangs up, and its session dies.
    let program = systemd_exec(&["/bin/sh", "-c", "echo started; exec sleep 98765"]);
    let mut terminal = Terminal::open(&sim, &[&["-u", "root"][..], &program].concat(), 111);
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
    eventually("the program runs", || !sleeps().is_empty());
    let pids = sleeps();
    terminal.client.kill().expect("the client runs");
    terminal.end();
    eventually("the session ends", || !pids.iter().any(|&pid| exists(pid)));
}

#[test]
#[ignore = "imports the stand-in's image: checks/run gives it"]
fn an_import_and_an_export_show_how_far_they_are() {
    let Some(sim) = Sim::for_starts("an_import_and_an_export_show_how_far_they_are") else { return };
    let text = |path: &std::path::Path| path.to_str().expect("a readable path").to_owned();
    let (image, folder, archive) = (
        text(&image()),
        text(&sim.directory.path().join("NixOS")),
        text(&sim.directory.path().join("out.tar")),
    );
    let mut terminal = Terminal::open(&sim, &["--import", "NixOS", &folder, &image, "--version", "2"], 100);
    terminal.expect(" %");
    // Of whatever size: how fast it is depends on the machine.
    terminal.expect("B/s");
    // Read to the end: a terminal that nobody reads holds up whoever writes to it.
    terminal.expect("The operation completed successfully.");
    assert_eq!(terminal.end(), 0);
    let mut terminal = Terminal::open(&sim, &["--export", "NixOS", &archive], 100);
    terminal.expect("B/s");
    terminal.expect("The operation completed successfully.");
    assert_eq!(terminal.end(), 0);
    // Into a pipe only what wsl.exe says.
    let piped = sim.run(["--export", "NixOS", &archive]);
    assert_eq!((piped.code, piped.err.as_str()), (0, ""), "{piped:?}");
    assert!(!piped.out.contains("B/s"), "{piped:?}");
}
