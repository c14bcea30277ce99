//! `/etc/passwd`, read without a name service: these programs are static and run before one is up.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::system::root::Root;

/// The file.
pub const PASSWD: &str = "/etc/passwd";
const LIMIT: u64 = 4 << 20;

/// What is needed of an entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub name: OsString,
    /// The user's id.
    pub uid: u32,
    /// The user's own group.
    pub gid: u32,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

impl Account {
    /// One line of the file, without its end; nothing if it is not in the form of passwd(5).
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let fields: Vec<&OsStr> = line.split(|&byte| byte == b':').map(OsStr::from_bytes).collect();
        let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
        let number = |field: &OsStr| field.to_str()?.parse().ok();
        Some(Self {
            name: name.to_owned(),
            uid: number(uid)?,
            gid: number(gid)?,
            home: home.into(),
            shell: shell.into(),
        })
    }
}

/// The first entry with this user id, as `getpwuid` gives it.
///
/// # Errors
/// One line that names the file, if it cannot be read or has no such user.
pub fn entry(root: &Root, uid: u32) -> Result<Account, String> {
    find(root, |entry| entry.uid == uid).and_then(|found| found.ok_or_else(|| none(&format!("id {uid}"))))
}

/// The first entry with this name, as `getpwnam` gives it.
///
/// # Errors
/// As those of [`entry`].
pub fn entry_named(root: &Root, name: &str) -> Result<Account, String> {
    find(root, |entry| entry.name == name)
        .and_then(|found| found.ok_or_else(|| none(&format!("name {name}"))))
}

/// The shells that the file names, also those of entries whose numbers cannot be read.
///
/// # Errors
/// Those of reading the file.
pub fn shells(root: &Root) -> std::io::Result<Vec<PathBuf>> {
    let bytes = root.read(PASSWD, LIMIT)?;
    let shell = |line: &[u8]| Some(OsStr::from_bytes(line.split(|&byte| byte == b':').nth(6)?).into());
    Ok(bytes.split(|&byte| byte == b'\n').filter_map(shell).collect())
}

fn none(what: &str) -> String {
    format!("{PASSWD}: no user with {what}")
}

fn find(root: &Root, matches: impl Fn(&Account) -> bool) -> Result<Option<Account>, String> {
    let bytes = root.read(PASSWD, LIMIT).map_err(|error| format!("{PASSWD}: {error}"))?;
    Ok(bytes.split(|&byte| byte == b'\n').filter_map(Account::parse).find(matches))
}
