//! Every shell that WSL or a login starts: which program it really is, and in what environment it runs.
//!
//! `nixos-wsl-shell` is one static program under several names; the file it was started from says which:
//! `/usr/lib/nixos-wsl/shells/<user>/<name>` is a login shell, `/bin/sh` the system's shell, any other name in `/bin` the
//! program of that name in the newest generation that has it.

pub mod environment;
pub mod interpreter;
pub mod invocation;
pub mod login;
pub mod programs;
pub mod script;
pub mod search_path;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use invocation::{Invocation, Role};

/// Runs what was asked for; comes back only if nothing at all could be run.
#[must_use]
pub fn run(argv: &[OsString]) -> ExitCode {
    if interpreter::printed() {
        return ExitCode::SUCCESS;
    }
    if let Some(code) = crate::namespace::resume::run() {
        return code;
    }
    let invocation = Invocation::discover();
    match &invocation.role {
        Role::LoginShell { real } => login::run(&invocation, real.clone(), argv),
        Role::SystemShell => system_shell(argv),
        Role::Program(name) => program(name, argv),
    }
}

fn system_shell(argv: &[OsString]) -> ExitCode {
    let environment = programs::system_path(std::env::var_os("PATH").as_deref()).map(|path| {
        let others = std::env::vars_os().filter(|(name, _)| name != "PATH");
        others.chain([("PATH".into(), path)]).collect::<Vec<_>>()
    });
    let name = argv.first().cloned().unwrap_or_else(|| "sh".into());
    for shell in programs::candidates("bash") {
        exec(&shell, &name, argv, environment.as_deref());
    }
    eprintln!("/bin/sh: no generation has a bash");
    crate::boot::builtin::run(argv)
}

fn program(name: &OsString, argv: &[OsString]) -> ExitCode {
    for file in programs::candidates(name) {
        exec(&file, argv.first().unwrap_or(name), argv, None);
    }
    eprintln!("nixos-wsl: no generation has {}", Path::new(name).display());
    ExitCode::from(127)
}

/// Becomes `program`; comes back with the reason if it cannot be started.
fn exec(
    program: &Path,
    name: &OsString,
    argv: &[OsString],
    environment: Option<&[(OsString, OsString)]>,
) -> std::io::Error {
    crate::sys::execve(program, std::iter::once(name).chain(argv.iter().skip(1)), environment)
}
