//! The suite as Windows has it: its program for Windows below Wine, with a wsl.exe of ours (checks/wine) that hands on its
//! command line unsplit. Here is the other end: a server on loopback, which starts the simulator with that line.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nixos_wsl::sim::cli::line::{join, split};
use rustix::io::Errno;

use crate::support::sim::{Sim, bundled};
use crate::support::terminal;
use crate::{Accept, OTHER, Part, hold_part};

/// Wine with a folder of its own, and the simulator behind its wsl.exe.
struct Wine {
    prefix: PathBuf,
    programs: PathBuf,
    port: u16,
}

impl Wine {
    /// The simulator is that of a world; nothing of Wine's is left when this is dropped.
    fn new(sim: &Sim) -> Self {
        let programs = std::env::var_os("NIXOS_WSL_WINDOWS")
            .expect("NIXOS_WSL_WINDOWS names what `checks/windows DIRECTORY` made");
        let programs = std::fs::canonicalize(programs).expect("the programs for Windows");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let simulator = Arc::new(Simulator::of(sim));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let simulator = Arc::clone(&simulator);
                // Whoever closes its end too soon has an exit code that says so.
                thread::spawn(move || simulator.serve(stream).ok());
            }
        });
        Self { prefix: sim.directory.path().join("wine"), programs, port }
    }

    /// A program for Windows, in Wine.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("wine");
        command.arg(self.programs.join(program)).args(arguments).stdin(Stdio::null());
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all").env_remove("DISPLAY");
        // Neither .NET nor a browser is looked for when the folder is made.
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml=").env("NIXOS_WSL_WINE_PORT", self.port.to_string());
        command
    }

    /// How it ended, and what it printed, as it is.
    fn ended(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, Vec<u8>) {
        let mut command = self.command(program, arguments);
        let output = command.envs(variables.iter().copied()).output().expect("Wine");
        let code = output.status.code();
        (code.unwrap_or_else(|| panic!("{program} {arguments:?}: {output:?}")), output.stdout)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let mut server = Command::new("wineserver");
        for argument in ["--kill", "--wait"] {
            drop(server.env("WINEPREFIX", &self.prefix).arg(argument).status());
        }
    }
}

/// A path of this machine, as Wine's programs have it.
fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.to_str().expect("a readable path").replace('/', "\\"))
}

/// wsl-sim, with a world's settings.
struct Simulator {
    program: OsString,
    variables: Vec<(OsString, OsString)>,
}

impl Simulator {
    fn of(sim: &Sim) -> Self {
        let command = sim.command(["--version"]);
        let variables = command.get_envs().filter_map(|(name, value)| Some((name.into(), value?.into())));
        Self { program: command.get_program().into(), variables: variables.collect() }
    }

    /// One call of wsl.exe.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let (line, variables) = (text(&mut stream)?, text(&mut stream)?);
        let console = text(&mut stream)?;
        let mut command = Command::new(&self.program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs(handed_on(&variables)).env("WSL_SIM_LINE", after_the_program(&line));
        let mut from = stream.try_clone()?;
        let back = Arc::new(Mutex::new(stream));
        let (mut child, relays) = if let Some((lines, columns)) = console.split_once(' ') {
            let number = |text: &str| text.parse().map_err(io::Error::other);
            let (master, slave) = terminal::pair(number(lines)?, number(columns)?);
            command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
            let child = command.spawn()?;
            let mut to = master.try_clone()?;
            thread::spawn(move || io::copy(&mut from, &mut to));
            (child, vec![relay(1, master, &back)])
        } else {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn()?;
            let mut to = child.stdin.take();
            thread::spawn(move || to.take().map(|mut to| io::copy(&mut from, &mut to)));
            let output = child.stdout.take().map(|pipe| relay(1, pipe, &back));
            let errors = child.stderr.take().map(|pipe| relay(2, pipe, &back));
            (child, output.into_iter().chain(errors).collect())
        };
        // It holds the program's side of the terminal.
        drop(command);
        let code = child.wait()?.code().unwrap_or(-1);
        for relay in relays {
            relay.join().expect("a relay")?;
        }
        let end = [&[0][..], &code.to_le_bytes()].concat();
        back.lock().expect("nobody panics with it").write_all(&end)
    }
}

/// What comes after its length.
fn text(stream: &mut TcpStream) -> io::Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(length)).expect("a length")];
    stream.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Sends one of the outputs, part by part.
fn relay(
    kind: u8,
    mut from: impl Read + Send + 'static,
    to: &Arc<Mutex<TcpStream>>,
) -> thread::JoinHandle<io::Result<()>> {
    let to = Arc::clone(to);
    thread::spawn(move || {
        let mut buffer = [0; 16384];
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                // The end of a terminal that no program has open any more.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => return Ok(()),
                result => result?,
            };
            let length = u32::try_from(count).expect("a small number").to_le_bytes();
            let part = [&[kind][..], &length, &buffer[..count]].concat();
            to.lock().expect("nobody panics with it").write_all(&part)?;
        }
    })
}

/// Of the environment of Windows, what wsl.exe reads: WSLENV and what that names.
fn handed_on(variables: &str) -> BTreeMap<&str, &str> {
    let all: BTreeMap<_, _> = variables.split('\0').filter_map(|variable| variable.split_once('=')).collect();
    let listed = all.get("WSLENV").copied().unwrap_or_default().split(':');
    let listed = listed.filter_map(|name| name.split('/').next());
    let read = listed.chain(["WSLENV", "WSL_UTF8"]);
    read.filter_map(|name| Some((name, *all.get(name)?))).collect()
}

/// The line without the program's name. Files that a command of wsl.exe's own names are on Wine's drive for this machine.
fn after_the_program(line: &str) -> OsString {
    let words = split(line);
    let Some((start, first)) = words.get(1) else { return OsString::new() };
    if !["--import", "--export", "--install"].map(OsStr::new).contains(&first.as_os_str()) {
        return line[*start..].into();
    }
    let own =
        words[1..].iter().map(|(_, word)| match word.to_str().and_then(|word| word.strip_prefix("Z:\\")) {
            Some(path) => format!("/{}", path.replace('\\', "/")).into(),
            None => word.clone(),
        });
    join(&own.collect::<Vec<_>>())
}

/// What depends on command lines, streams and encodings as Windows has them; the rest is the same program on Linux.
const CASES: [&str; 17] = [
    "first-command",
    "second-command",
    "exit-code-*",
    "arguments",
    "line-is-the-shells",
    "streams",
    "error-stream",
    "no-input",
    "console",
    "home",
    "directory",
    "given-variables",
    "name-of-the-distribution",
    "root",
    "vscode-probe",
    "login-*",
    "restart",
];

#[test]
#[ignore = "boots the stand-in's image below Wine: checks/run gives it"]
fn the_program_for_windows_runs_below_wine() {
    let Some(accept) = Accept::new("the_program_for_windows_runs_below_wine") else { return };
    let wine = Wine::new(&accept.sim);
    let image = bundled("rebuild-image.tar.gz");
    let directory = windows_path(accept.sim.directory.path());
    let mut arguments = vec!["--format", "json", "--directory", &directory];
    arguments.extend(CASES.into_iter().flat_map(|name| ["--only", name]));
    let file = windows_path(&image);
    arguments.push(&file);
    let results = accept.ran(wine.command("nixos-wsl-accept.exe", &arguments), &image);
    assert!(results.len() >= CASES.len());
    assert!(results.iter().all(|result| result["outcome"] == "pass"), "{results:#?}");
    // Those of the table, without the others of its column.
    let ran = |name: &str| results.iter().any(|result| result["name"] == name);
    hold_part(&Part { column: "works", has: &ran }, &results);

    // wsl.exe's own words are UTF-16, which the suite reads too.
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let names = wine.ended("wsl.exe", &["--list", "--quiet"], &[]);
    assert_eq!(names, (0, utf16(&format!("{OTHER}\r\n"))));
    let names = wine.ended("wsl.exe", &["--list", "--quiet"], &[("WSL_UTF8", "1")]);
    assert_eq!(names, (0, format!("{OTHER}\n").into_bytes()));
    let (code, said) = wine.ended("wsl.exe", &["-d", "nobody's"], &[]);
    assert!(code == 255 && said.starts_with(&utf16("There is no distribution with ")), "{code:?} {said:?}");
    accept.sim.tiny("nixos-wsl-accept-1-2");
    let (code, said) = wine.ended("nixos-wsl-accept.exe", &["--clean"], &[]);
    let said = String::from_utf8(said).expect("text");
    assert_eq!((code, said.trim_end()), (0, "nixos-wsl-accept-1-2 is removed"));
    assert_eq!(accept.left(), [OTHER]);
}

#[test]
fn what_wine_hands_on_is_the_line_as_it_stands() {
    for (line, expected) in [
        (r#""wsl.exe" -d A -- echo "a  b" 'c'"#, r#"-d A -- echo "a  b" 'c'"#),
        (r#"C:\a\wsl.exe   --import A Z:\tmp\a "Z:\tmp\b c""#, r#"--import A /tmp/a "/tmp/b c""#),
        ("wsl", ""),
    ] {
        assert_eq!(after_the_program(line), expected, "{line}");
    }
    let variables = handed_on("A=1\0WSLENV=B/u:C\0B=x=y\0WSL_UTF8=1");
    assert_eq!(variables, BTreeMap::from([("WSLENV", "B/u:C"), ("B", "x=y"), ("WSL_UTF8", "1")]));
}
