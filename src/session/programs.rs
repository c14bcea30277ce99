//! Programs of the generations, found without `/run`, `PATH` or an activation.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::system::activation::CURRENT;
use crate::system::generations::{self, PROFILE};
use crate::system::root::Root;

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
/// units run `mkdir` and `ln` with systemd's own (W§5.5). What the caller set comes first.
#[must_use]
pub fn system_path(path: Option<&OsStr>) -> Option<OsString> {
    let given = path.filter(|path| !path.is_empty());
    if given
        .is_some_and(|path| path.as_bytes().split(|&byte| byte == b':').any(|dir| dir.ends_with(b"/sw/bin")))
    {
        return None;
    }
    let mut all = given.map(|path| [path.as_bytes(), b":"].concat()).unwrap_or_default();
    all.extend_from_slice(folders().as_bytes());
    Some(OsString::from_vec(all))
}

/// The folders of the running system's programs; before activation, those of the newest system that has some.
#[must_use]
pub fn folders() -> String {
    let system = systems().find(|system| system.join("sw/bin").exists()).unwrap_or_else(|| PROFILE.into());
    format!("{0}/sw/bin:{0}/systemd/bin:/bin", system.display())
}
