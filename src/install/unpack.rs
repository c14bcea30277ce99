//! Unpacks the archive over the running root; what WSL starts programs by is written under temporary names, for the switch.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::Mode;
use tar::EntryType;

use super::error::{InstallError, Result};
use super::header::ArchiveMember;
use super::members::{ArchiveMembers, MemberContent};
use super::mounts::{Mounts, is_wsls};
use super::pieces::Pieces;
use super::place::{TargetRoot, member_path};
use super::source::Source;
use crate::system::installer::{DIRECTORY, Manifest};

/// Where the entry points wait: `new/<position in the manifest>`.
pub const NEW: &str = "new";

/// How many bytes are unpacked between two calls of the watcher.
const STEP: u64 = 1 << 20;

/// Unpacks `archive` into `root`, and makes sure that it was the archive of the manifest. `watch` is called with the bytes
/// that are done; its error ends the work.
///
/// # Errors
/// When the archive is not as the manifest says, a member cannot be written, or `watch` wants no more.
pub fn unpack(
    root: &Path,
    archive: &Path,
    manifest: &Manifest,
    watch: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let unreadable = |source| InstallError::Archive { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size != manifest.size {
        return Err(InstallError::Damaged(format!("it has {size} bytes instead of {}", manifest.size)));
    }
    let mounts = Mounts::below(root).map_err(|error| InstallError::at("proc/self/mountinfo", error))?;
    let entry_points = manifest.entry_points.iter().map(OsString::from).zip(0..).collect();
    // Modes are those of the archive.
    let mask = rustix::process::umask(Mode::empty());
    let result = std::thread::scope(|scope| {
        let place = TargetRoot::open(scope, root)?;
        let mut unpacker = Unpacker { place, mounts, entry_points, members: 0 };
        let mut source = Source::start(scope, file);
        let result = unpacker.members(&mut source, watch);
        if matches!(result, Err(InstallError::Stopped | InstallError::Full { .. } | InstallError::ReadOnly)) {
            return result;
        }
        // A damaged archive shows itself as anything: what its bytes are decides.
        match source.finish() {
            Ok(checked) if checked.size == manifest.size && checked.sha256 == manifest.sha256 => result?,
            Ok(checked) => {
                let (found, expected) = (&checked.sha256[..16], &manifest.sha256);
                return Err(InstallError::Damaged(format!(
                    "its SHA-256 begins with {found}, not with {}",
                    expected.get(..16).unwrap_or(expected)
                )));
            }
            Err(error) => return Err(InstallError::Damaged(error.to_string())),
        }
        if unpacker.members != manifest.members {
            let (found, expected) = (unpacker.members, manifest.members);
            return Err(InstallError::Damaged(format!("it has {found} members instead of {expected}")));
        }
        unpacker.place.finish()
    });
    rustix::process::umask(mask);
    result
}

struct Unpacker<'scope> {
    place: TargetRoot<'scope>,
    mounts: Mounts,
    entry_points: HashMap<OsString, usize>,
    members: u64,
}

impl Unpacker<'_> {
    fn members(&mut self, source: &mut Source<'_>, watch: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let damaged = |error: std::io::Error| InstallError::Damaged(error.to_string());
        let mut next = 0;
        let mut members = ArchiveMembers::new(source);
        while let Some(member) = members.advance().map_err(damaged)? {
            let done = members.done();
            if done >= next {
                watch(done)?;
                next = done.saturating_add(STEP);
            }
            self.member(&member, &mut members.content())?;
            self.members += 1;
        }
        watch(next)
    }

    fn member(&mut self, member: &ArchiveMember, content: &mut MemberContent<'_, impl Pieces>) -> Result<()> {
        let wrong = |problem: &str| InstallError::Member {
            path: Path::new(OsStr::from_bytes(&member.name)).to_owned(),
            problem: problem.to_owned(),
        };
        let path = member_path(&member.name).map_err(wrong)?;
        let attributes = member.attributes.ok_or_else(|| wrong("its header has no mode or owner"))?;
        if self.mounts.covers(&path) {
            // A store that is mounted over would leave the system without it.
            return if path.starts_with("nix") { Err(wrong("is on another file system")) } else { Ok(()) };
        }
        if is_wsls(&path) {
            return Ok(());
        }
        if let Some(position) = self.entry_points.get(path.as_os_str()) {
            if member.kind != EntryType::Regular {
                return Err(wrong("is no regular file"));
            }
            let temporary = Path::new(DIRECTORY).join(NEW).join(position.to_string());
            return self.place.file(&temporary, attributes, member.size, content);
        }
        let target = || {
            let target = Some(&member.target).filter(|target| !target.is_empty());
            target.ok_or_else(|| wrong("is a link without a target"))
        };
        match member.kind {
            EntryType::Directory => self.place.directory(&path, attributes),
            EntryType::Symlink => self.place.symlink(&path, attributes, OsStr::from_bytes(target()?)),
            EntryType::Link => {
                let original = member_path(target()?).map_err(wrong)?;
                self.place.link(&path, &original)
            }
            EntryType::Regular => self.place.file(&path, attributes, member.size, content),
            _ => Err(wrong("is no file, directory or link")),
        }
    }
}
