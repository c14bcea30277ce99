//! What WSL reads before it starts `/sbin/init` (W§4, W§7), brought to a system that is to be started next: by activation
//! it would come one start too late.
//!
//! The files are those of the system's own `/etc`, which its activation writes again. The default user's line is another
//! matter: a user that is there already gets no first password from NixOS, so an activation finds the line taken back.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, statat};

use super::below::Below;
use super::error::ApplyError;
use super::plan::{Plan, Wrapper};
use super::report::ApplyReport;
use super::shells;
use super::work::Work;
use crate::system::accounts::{Account, PASSWD};
use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability, Target};
use crate::system::root::Root;

/// Each is a regular file: what reads the first one is outside the distribution, where a link into the store leads
/// nowhere (W§4.1).
const FILES: [&str; 2] = ["/etc/wsl-distribution.conf", "/etc/wsl.conf"];
/// The line that was written ahead of an activation, until that comes.
const RECORD: &str = "/var/lib/nixos-wsl/next-user";
const LIMIT: u64 = 4 << 20;

/// Brings the files and the default user's line to the system at `toplevel`. What it does not say stays as it is.
///
/// # Errors
/// [`ApplyError`]. The file that names the user is written last: a cut before that leaves the start as it was.
pub fn bring_ahead(root: &Root, toplevel: &Path) -> Result<(), ApplyError> {
    let mut work = Work { root, below: Below::open(root)?, report: ApplyReport::default() };
    if let Ok(line) = root.read(toplevel.join("nixos-wsl/default-user"), LIMIT)
        && let Some(entry) = Account::parse(line.trim_ascii_end())
    {
        let plan = toplevel.join("nixos-wsl/root.json");
        if let Some(shells) = Plan::read(root, &plan).ok().and_then(|plan| plan.shells)
            && let Some(Wrapper { path, shell }) =
                shells.wrappers.iter().find(|wrapper| wrapper.path == entry.shell)
        {
            shells::wrapper(&mut work, &shells, path, Some(shell))?;
        }
        add_user(&work, &entry, line.trim_ascii_end())?;
    }
    for file in FILES {
        let Ok(text) = root.read(toplevel.join(file.trim_start_matches('/')), LIMIT) else { continue };
        let there = root.read(file, LIMIT).is_ok_and(|there| there == text);
        if !there || !is_regular(&work.below, file)? {
            write(&work, file, &text, 0o644)?;
        }
    }
    Ok(())
}

/// Takes the user's line back that was written ahead, unless somebody has changed it.
pub(super) fn take_back(work: &Work<'_>) -> Result<(), Failure> {
    let Ok(line) = work.root.read(RECORD, LIMIT) else { return Ok(()) };
    let passwd = read_passwd(work)?;
    let others: Vec<&[u8]> = lines(&passwd).filter(|other| *other != line).collect();
    if others.len() < lines(&passwd).count() && is_regular(&work.below, PASSWD)? {
        write(work, PASSWD, &joined(&others), 0o644)?;
    }
    let folder = work.below.parent(Path::new(RECORD))?;
    replace::remove(folder.as_fd(), "next-user".as_ref()).at(work.below.path(Path::new(RECORD)))
}

/// Appends the user's line, if there is no user of that name. At the end, so that whoever has the number now keeps the name.
fn add_user(work: &Work<'_>, entry: &Account, line: &[u8]) -> Result<(), Failure> {
    let passwd = read_passwd(work)?;
    let named = |line: &[u8]| Account::parse(line).is_some_and(|other| other.name == entry.name);
    if lines(&passwd).any(named) || !is_regular(&work.below, PASSWD)? {
        return Ok(());
    }
    write(work, RECORD, line, 0o600)?;
    let all: Vec<&[u8]> = lines(&passwd).chain([line]).collect();
    write(work, PASSWD, &joined(&all), 0o644)
}

fn read_passwd(work: &Work<'_>) -> Result<Vec<u8>, Failure> {
    work.root.read(PASSWD, LIMIT).at(work.root.path(PASSWD))
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect()
}

/// Others keep these files elsewhere and have a link here (`services.userborn`).
fn is_regular(below: &Below, path: &str) -> Result<bool, Failure> {
    let path = PathBuf::from(path);
    let folder = below.parent(&path)?;
    let found = statat(&folder, path.file_name().unwrap_or_default(), AtFlags::SYMLINK_NOFOLLOW);
    Ok(found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_file()))
}

fn write(work: &Work<'_>, path: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let path = Path::new(path);
    let folder = work.folder(path)?;
    let shown = work.below.path(path);
    replace::file(Target::new(folder.as_fd(), &shown), Attributes::mode(mode), Durability::Full, |file| {
        file.write_all(bytes).at(&shown)
    })
}
