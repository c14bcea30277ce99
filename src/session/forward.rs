//! `/bin/sh` and the other names of the root that lead to a program of the newest generation that has it.
//!
//! Any process may start these, a setuid program's `system()` among them: what runs follows from the program's own file
//! alone, and of the environment only `PATH` is looked at. It is passed on as it came, as are all descriptors.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use super::own_file::own_file;
use super::{exec, programs, readiness};
use crate::system::message;

/// A shell of last resort: takes the arguments, gives the exit code.
pub type Rescue = fn(&[OsString]) -> ExitCode;

/// Becomes the program of the file's name; comes back only if no generation has it.
#[must_use]
pub fn run(argv: &[OsString], rescue: Rescue) -> ExitCode {
    let file = own_file();
    match file.file_name() {
        Some(name) if name != "sh" && name != "nixos-wsl-sh" => program(name, argv),
        _ => shell(argv, rescue),
    }
}

fn shell(argv: &[OsString], rescue: Rescue) -> ExitCode {
    if let Some(path) = programs::system_path(std::env::var_os("PATH").as_deref()) {
        crate::sys::set_variable("PATH", &path);
    }
    readiness::wait(argv);
    let name = argv.first().cloned().unwrap_or_else(|| "sh".into());
    for shell in programs::candidates("bash") {
        exec(&shell, &name, argv, None);
    }
    message::print_error(format_args!("/bin/sh: no generation has a bash"));
    rescue(argv)
}

fn program(name: &OsStr, argv: &[OsString]) -> ExitCode {
    let own = name.to_owned();
    for file in programs::candidates(name) {
        exec(&file, argv.first().unwrap_or(&own), argv, None);
    }
    message::print_error(format_args!("nixos-wsl: no generation has {}", name.display()));
    ExitCode::from(127)
}
