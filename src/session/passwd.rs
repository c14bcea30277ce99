//! `/etc/passwd`, read without a name service: these programs are static and run before one is up.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::boot::root::Root;

const LIMIT: u64 = 4 << 20;

/// What is needed of an entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The user's name.
    pub name: OsString,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// The first entry with this user id, as `getpwuid` gives it.
///
/// # Errors
/// One line that names the file, if it cannot be read or has no such user.
pub fn entry(root: &Root, uid: u32) -> Result<Entry, String> {
    let bytes = root.read("/etc/passwd", LIMIT).map_err(|error| format!("/etc/passwd: {error}"))?;
    let mut entries = bytes.split(|&byte| byte == b'\n').filter_map(parse);
    entries
        .find(|(found, _)| *found == uid)
        .map(|(_, entry)| entry)
        .ok_or_else(|| format!("/etc/passwd: no user with id {uid}"))
}

fn parse(line: &[u8]) -> Option<(u32, Entry)> {
    let fields: Vec<&OsStr> = line.split(|&byte| byte == b':').map(OsStr::from_bytes).collect();
    let [name, _, uid, _, _, home, shell] = fields[..] else { return None };
    let uid = uid.to_str()?.parse().ok()?;
    Some((uid, Entry { name: name.to_owned(), home: home.into(), shell: shell.into() }))
}
