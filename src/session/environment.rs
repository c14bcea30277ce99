//! The NixOS environment of a shell: `/etc/set-environment`, loaded once, and `PATH`, `SHELL` and the user's own names.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::script::{Script, Variables};
use super::{SHELLS, interpreter, programs, search_path};
use crate::system::accounts;
use crate::system::activation::CURRENT;
use crate::system::generations::PROFILE;
use crate::system::root::Root;
use crate::system::settings::Settings;

/// NixOS's mark of an environment that has been set.
pub const DONE: &str = "__NIXOS_SET_ENVIRONMENT_DONE";
const SET_ENVIRONMENT: &str = "/etc/set-environment";
const LIMIT: u64 = 4 << 20;

/// The environment for the real shell, or nothing if it is to stay as it is. Faults are told by `warn`.
pub fn prepare(real: Option<&Path>, warn: &mut impl FnMut(String)) -> Option<Vec<(OsString, OsString)>> {
    let done = std::env::var_os(DONE).is_some_and(|value| !value.is_empty());
    let shell = real.filter(|_| names_wrapper(std::env::var_os("SHELL").as_deref()));
    if done && shell.is_none() {
        return None;
    }
    let mut variables = Variables::new(std::env::vars_os());
    if let Some(shell) = shell {
        variables.export("SHELL", lasting(shell));
    }
    if !done {
        load(&mut variables, warn);
    }
    Some(variables.into_environment())
}

/// The shell's path that holds in every generation, as NixOS's own `/etc/passwd` and `/etc/shells` name it; the one given
/// where the active system has another program there, or none.
fn lasting(shell: &Path) -> PathBuf {
    let named = shell.file_name().map(|name| Path::new(CURRENT).join("sw/bin").join(name));
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let is_same = |named: &PathBuf| identity(named).is_some_and(|found| identity(shell) == Some(found));
    named.filter(is_same).unwrap_or_else(|| shell.to_owned())
}

/// `SHELL` is WSL's word for the wrapper; a shell that the user put there is left alone.
fn names_wrapper(shell: Option<&OsStr>) -> bool {
    shell.is_none_or(|shell| shell.is_empty() || Path::new(shell).starts_with(SHELLS))
}

fn load(variables: &mut Variables, warn: &mut impl FnMut(String)) {
    name_user(variables, warn);
    let incoming = variables.get("PATH").unwrap_or_default().to_owned();
    // The script starts from the system's own list. So what it leaves in `PATH` is NixOS's list whether it has set one,
    // has added to it or has said nothing, and also if the caller's (pam_env's) was the same before.
    variables.export("PATH", programs::folders());
    match find() {
        Ok((file, text)) => {
            if let Err(reason) = source(&file, &text, variables) {
                warn(reason);
            }
        }
        Err(reason) => warn(reason),
    }
    let settings = settings(warn);
    let mut nixos = variables.get("PATH").unwrap_or_default().to_owned();
    // NixOS's list leads to a system that is not active yet: its programs are still worth having.
    if nixos.is_empty() || !Path::new(CURRENT).exists() {
        nixos.push(":");
        nixos.push(programs::folders());
    }
    let paths = search_path::merge(&nixos, &incoming, &settings);
    variables.export("PATH", paths.path);
    if let Some(windows) = paths.windows {
        variables.export("WSLPATH", windows);
    }
}

/// What `/etc/set-environment` counts on; WSL sets it, a caller with an empty environment does not.
fn name_user(variables: &mut Variables, warn: &mut impl FnMut(String)) {
    if variables.get("HOME").is_some() && variables.get("USER").is_some() {
        return;
    }
    match accounts::entry(&Root::default(), rustix::process::getuid().as_raw()) {
        Ok(entry) => {
            for (name, value) in [("HOME", entry.home.into_os_string()), ("USER", entry.name)] {
                if variables.get(name).is_none() {
                    variables.export(name, value);
                }
            }
        }
        Err(reason) => warn(reason),
    }
}

/// The file in `/etc`, or before an activation has put it there, the system's own.
fn find() -> Result<(PathBuf, Vec<u8>), String> {
    let root = Root::default();
    let mut first = None;
    for folder in ["", CURRENT, PROFILE] {
        let file = PathBuf::from(format!("{folder}{SET_ENVIRONMENT}"));
        match root.read(&file, LIMIT) {
            Ok(text) => return Ok((file, text)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(format!("{SET_ENVIRONMENT}: {}", first.map(|error| error.to_string()).unwrap_or_default()))
}

fn source(file: &Path, text: &[u8], variables: &mut Variables) -> Result<(), String> {
    if text.contains(&0) {
        return Err(format!("{}: ignored, it is not a text", file.display()));
    }
    match Script::parse(text) {
        Some(script) => {
            script.run(variables);
            Ok(())
        }
        None => interpreter::source(file, variables),
    }
}

/// The settings of the running system, or of the one that is to run.
pub fn settings(warn: &mut impl FnMut(String)) -> Settings {
    let system = [CURRENT, PROFILE].map(Path::new).into_iter().find(|system| system.exists());
    let Some(system) = system else { return Settings::default() };
    Settings::load(&Root::default(), system).unwrap_or_else(|reason| {
        warn(reason);
        Settings::default()
    })
}
