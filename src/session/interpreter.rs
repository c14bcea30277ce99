//! `/etc/set-environment` by a real shell, when it has more in it than this program understands.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::programs;
use super::script::Variables;
use crate::system::wait;

/// A script that takes longer is left alone: the user waits for a shell.
const LIMIT: Duration = Duration::from_secs(5);
const SIZE: usize = 4 << 20;
/// What a shell sets for itself.
const OWN: [&str; 6] = ["_", "BASH_ENV", "ENV", "OLDPWD", "PWD", "SHLVL"];
/// Reads the file and lets `env` print the environment. The shell's own word after that is the mark of completeness: a
/// script that ends the shell, and an `env` that is cut short, leave none.
const COMMANDS: &str = ". \"$1\" >&2; \"$2\" -0 && builtin printf '\\0'";

/// Lets a shell read `file`, and takes over what it changed.
///
/// # Errors
/// One line: no shell, too slow, or ended by the script itself.
pub fn source(file: &Path, variables: &mut Variables) -> Result<(), String> {
    let find = |name: &str| {
        let found = programs::candidates(name).find(|program| program.exists());
        found.ok_or_else(|| format!("{}: needs {name}, and no generation has it", file.display()))
    };
    let (bash, env) = (find("bash")?, find("env")?);
    let mut child = Command::new(&bash)
        .args(["--noprofile", "--norc", "-c", COMMANDS, "sh"])
        .args([file, &env])
        .env_remove("BASH_ENV")
        .env_remove("ENV")
        .env("PATH", variables.get("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{}: {error}", bash.display()))?;
    let output = child.stdout.take().ok_or("no pipe").map_err(str::to_owned)?;
    let read = read_until(output, Instant::now() + LIMIT);
    if read.is_err() {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let _ = child.wait();
    let text = read.map_err(|reason| format!("{}: {reason}", file.display()))?;
    let text = text.strip_suffix(b"\0\0").ok_or_else(|| format!("{}: ended the shell", file.display()))?;
    take_over(text, variables);
    Ok(())
}

fn take_over(text: &[u8], variables: &mut Variables) {
    let mut names: Vec<&OsStr> = Vec::new();
    for line in text.split(|&byte| byte == 0) {
        let Some(equals) = line.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) = (OsStr::from_bytes(&line[..equals]), &line[equals + 1..]);
        names.push(name);
        if !OWN.iter().any(|own| name == *own) && variables.get(name) != Some(OsStr::from_bytes(value)) {
            variables.export(name, OsString::from_vec(value.to_vec()));
        }
    }
    variables.keep(|name| names.contains(&name) || OWN.iter().any(|own| name == *own));
}

fn read_until(mut output: std::process::ChildStdout, deadline: Instant) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let mut buffer = [0; 1 << 14];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("still running after {} s", LIMIT.as_secs()));
        }
        if !wait::readable(&output, left).map_err(|error| error.to_string())? {
            continue;
        }
        match output.read(&mut buffer) {
            Ok(0) => return Ok(text),
            Ok(length) => text.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
        if text.len() > SIZE {
            return Err("makes an environment too large".into());
        }
    }
}
