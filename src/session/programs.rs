//! Programs of the generations, found without `/run`, `PATH` or an activation.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::search_path::WSL_DEFAULTS;
use crate::system::activation::CURRENT;
use crate::system::generations::{self, PROFILE};
use crate::system::root::Root;

/// Programs with a setuid bit (NixOS's `security.wrapperDir`).
const WRAPPERS: &str = "/run/wrappers/bin";
/// The folders of a system that hold programs.
const FOLDERS: [&str; 2] = ["sw/bin", "systemd/bin"];

/// Where a program of this name may be: the running system, the profile, then every generation from the newest on.
///
/// Lazy, because the first one nearly always exists: the folder of the generations is read only when it does not.
pub fn candidates(name: impl AsRef<OsStr>) -> impl Iterator<Item = PathBuf> {
    let name = name.as_ref().to_owned();
    systems().flat_map(move |system| {
        let name = name.clone();
        FOLDERS.into_iter().map(move |folder| system.join(folder).join(&name))
    })
}

fn systems() -> impl Iterator<Item = PathBuf> {
    let newest = [CURRENT, PROFILE].map(PathBuf::from).into_iter();
    let older = std::iter::once_with(|| generations::all(&Root::default())).flatten();
    newest.chain(older.map(|generation| generation.toplevel))
}

/// `PATH` for `/bin/sh`: what it has to be set to, if it does not lead to a system's programs yet.
///
/// WSL runs `systemctl … | grep …` by `/bin/sh` with no `PATH` at all, before and after activation (W§5.2); generated
/// units run `mkdir` and `ln` with systemd's own (W§5.5). What the caller chose comes first; the folders that WSL gives to
/// every program, and Windows' behind them, come last.
#[must_use]
pub fn system_path(path: Option<&OsStr>) -> Option<OsString> {
    let given: Vec<&[u8]> = path.unwrap_or_default().as_bytes().split(|&byte| byte == b':').collect();
    if given.iter().any(|folder| folder.ends_with(b"/sw/bin")) {
        return None;
    }
    let defaults = given.iter().position(|folder| WSL_DEFAULTS.contains(folder)).unwrap_or(given.len());
    let (chosen, rest) = given.split_at(defaults);
    let own = folders();
    let all = [chosen, &[own.as_bytes()], rest].concat();
    let all: Vec<&[u8]> = all.into_iter().filter(|folder| !folder.is_empty()).collect();
    Some(OsString::from_vec(all.join(&b':')))
}

/// The folders of the running system's programs; before activation, those of the newest system that has some.
///
/// Those that act with rights of their own come first: the store's copies have no setuid bit.
#[must_use]
pub fn folders() -> String {
    let system = systems().find(|system| system.join("sw/bin").exists()).unwrap_or_else(|| PROFILE.into());
    format!("{WRAPPERS}:{0}/sw/bin:{0}/systemd/bin:/bin", system.display())
}
