//! A login shell: it starts, whatever else fails (U§3 F14-F17).

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::forward::Rescue;
use super::own_file::own_file;
use super::{SHELLS, environment, exec, programs, waiting};
use crate::system::accounts;
use crate::system::activation::CURRENT;
use crate::system::message;
use crate::system::notice;
use crate::system::root::Root;

/// Becomes the user's shell; `rescue` is the one for a root without any.
#[must_use]
pub fn run(argv: &[OsString], rescue: Rescue) -> ExitCode {
    let mut warn = |reason: String| message::print_error(format_args!("nixos-wsl: {reason}"));
    crate::sys::default_sigchld();
    let file = own_file();
    if !Path::new(CURRENT).exists() {
        waiting::wait_for_activation(&mut warn);
    }
    let real = from_own_folder(&file).or_else(|| from_passwd(&mut warn));
    let variables = environment::prepare(real.as_deref(), &mut warn);
    let variables = variables.as_deref();
    if interactive(argv) {
        show_notice(&mut warn);
    }
    if let Some(real) = &real {
        let error = exec(real, &own_name(&file, real, argv), argv, variables);
        warn(format!("{}: {error}; another shell takes its place", real.display()));
    }
    let dash = argv.first().is_some_and(|name| name.as_encoded_bytes().starts_with(b"-"));
    let name = OsString::from(if dash { "-bash" } else { "bash" });
    for shell in programs::candidates("bash") {
        exec(&shell, &name, argv, variables);
    }
    warn("no generation has a shell; this is a small one of its own".into());
    rescue(argv)
}

/// Programs look at `argv[0]` for their own name, and the dash of a login shell is kept as it came; only a
/// wrapper's path is of no use to the shell.
fn own_name(file: &Path, real: &Path, argv: &[OsString]) -> OsString {
    match argv.first() {
        Some(name) if Path::new(name) != file && !Path::new(name).starts_with(SHELLS) => name.clone(),
        _ => real.into(),
    }
}

/// The link `real` next to the program names the user's shell.
fn from_own_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| folder.starts_with(SHELLS))?;
    std::fs::read_link(folder.join("real")).ok()
}

/// The shell of the user's entry, when the program's own path did not tell.
fn from_passwd(warn: &mut impl FnMut(String)) -> Option<PathBuf> {
    let entry =
        accounts::entry(&Root::default(), rustix::process::getuid().as_raw()).map_err(&mut *warn).ok()?;
    let real = entry.shell.starts_with(SHELLS).then(|| entry.shell.with_file_name("real"))?;
    std::fs::read_link(&real).map_err(|error| warn(format!("{}: {error}", real.display()))).ok()
}

fn interactive(argv: &[OsString]) -> bool {
    argv.get(1).map(OsString::as_os_str) != Some(OsStr::new("-c")) && std::io::stderr().is_terminal()
}

fn show_notice(warn: &mut impl FnMut(String)) {
    match Root::default().read(notice::NOTICE, 1 << 16) {
        Ok(text) => drop(std::io::stderr().write_all(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => warn(format!("{}: {error}", notice::NOTICE)),
    }
}
