//! Reads an archive through: the root that it becomes, what the extractor objects to, and the contents that rules ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

use tar::EntryType;

use super::archive::{ArchiveEnd, BadArchive, RawArchive, RawMember};
use super::machine::{HEAD, Machine};
use super::unpacked::UnpackedRoot;
use super::verdict::{Findings, RuleSource, Severity};
use crate::wsl::distribution::RESOURCE_LIMIT;

/// How much memory the tree may take, in bytes: a root of three million files fits.
pub const MOST_MEMORY: usize = 768 << 20;
/// How many bytes of contents are kept at the first reading.
pub const MOST_KEPT: u64 = 16 << 20;
/// The folders with the files that rules read; others are read a second time.
pub const KEPT: [&str; 4] = ["etc/", "usr/lib/wsl/", "usr/libexec/wsl/", "usr/share/wsl/"];
/// The name spaces of extended attributes that Linux has (xattr(7)), and the size of its largest.
const NAME_SPACES: [&str; 4] = ["security.", "system.", "trusted.", "user."];
const LARGEST_ATTRIBUTE: usize = 65_536;
/// Attributes that WSL 1 cannot keep.
const UNSUPPORTED: [&str; 3] = ["security.selinux", "security.ima", "security.evm"];
/// The largest number of a user or group; the next one means "leave it".
const LARGEST_ID: u64 = 4_294_967_294;

/// The contents of files, by the member that has them.
pub type Contents = BTreeMap<u64, Vec<u8>>;

/// An archive, read through.
#[derive(Debug)]
pub struct Reading {
    /// What it becomes.
    pub root: UnpackedRoot,
    /// Small files of the folders that rules look at.
    pub contents: Contents,
    /// How many members there were.
    pub members: u64,
    /// Whether it was read to its end.
    pub whole: bool,
}

/// Reads an archive to its end, or to where the extractor would stop.
#[must_use]
pub fn read(source: impl BufRead, findings: &mut Findings) -> Reading {
    let mut reading =
        Reading { root: UnpackedRoot::new(MOST_MEMORY), contents: Contents::new(), members: 0, whole: false };
    match members(source, &mut reading, findings) {
        Ok(()) => reading.whole = true,
        Err(error) => {
            let (rule, text) = match error {
                // W§1.3 does not have it; bsdtar's exit code is 0 (tests/image).
                BadArchive::DamagedHeader => (
                    "damaged-header",
                    format!("{error}: WSL goes on with what looks like a member behind it"),
                ),
                _ => ("archive", error.to_string()),
            };
            findings.add(Severity::Error, RuleSource::Import, rule, b"", &format!("the archive {text}"));
        }
    }
    reading
}

/// Reads the contents of the members in `wanted`, as far as each is small enough to be one of WSL's files.
///
/// # Errors
/// When the archive cannot be read a second time.
pub fn read_contents(
    source: impl BufRead,
    wanted: &BTreeSet<u64>,
    contents: &mut Contents,
) -> Result<(), BadArchive> {
    let mut archive = RawArchive::new(source);
    let mut left = wanted.len();
    while left > 0 {
        let Some(member) = archive.advance()? else { break };
        if wanted.contains(&member.index) {
            left -= 1;
            let mut content = Vec::new();
            archive.content().take(RESOURCE_LIMIT).read_to_end(&mut content)?;
            contents.insert(member.index, content);
        }
    }
    Ok(())
}

fn members(source: impl BufRead, reading: &mut Reading, findings: &mut Findings) -> Result<(), BadArchive> {
    let mut archive = RawArchive::new(source);
    let mut kept = 0;
    while let Some(member) = archive.advance()? {
        reading.members += 1;
        let mut head = Vec::new();
        if !matches!(member.kind, EntryType::Directory | EntryType::Symlink | EntryType::Link) {
            let name = member.name.strip_prefix(b"./").unwrap_or(&member.name);
            let name = name.strip_prefix(b"/").unwrap_or(name);
            let keep = member.size <= RESOURCE_LIMIT
                && kept + member.size <= MOST_KEPT
                && KEPT.iter().any(|folder| name.starts_with(folder.as_bytes()));
            let limit = if keep { RESOURCE_LIMIT } else { HEAD as u64 };
            archive.content().take(limit).read_to_end(&mut head)?;
            if keep {
                kept += head.len() as u64;
                reading.contents.insert(member.index, head.clone());
            }
        }
        let Ok((path, objection)) = reading.root.add(&member, Machine::of(&head)) else {
            let text = "has more members than are judged here: what follows is not read";
            findings.add(Severity::Error, RuleSource::Import, "too-many", b"", text);
            return Ok(());
        };
        if let Some(objection) = objection {
            let severity = if objection.fatal { Severity::Error } else { Severity::Warning };
            findings.add(severity, RuleSource::Import, objection.rule, &path, objection.text);
        }
        attributes(&member, &path, findings);
    }
    match archive.end() {
        Ok(ArchiveEnd::Marked) => {}
        Err(BadArchive::CutOff) => return Err(BadArchive::CutOff),
        // The extractor does not look at what is behind the archive's own end.
        Err(error) => {
            let text = format!(
                "the archive {error}, behind its last member: WSL does not notice, and it may be damaged"
            );
            findings.add(Severity::Error, RuleSource::Import, "checksum", b"", &text);
        }
        Ok(ArchiveEnd::Followed) => findings.add(
            Severity::Warning,
            RuleSource::Import,
            "trailing",
            b"",
            "something follows the archive's end, which WSL ignores",
        ),
        Ok(ArchiveEnd::Unmarked) if reading.members == 0 => {}
        Ok(ArchiveEnd::Unmarked) => findings.add(
            Severity::Warning,
            RuleSource::Import,
            "no-end",
            b"",
            "the archive has no end: it may have been cut off between two members",
        ),
    }
    Ok(())
}

/// What is said of a member whatever its path.
pub(super) fn attributes(member: &RawMember, path: &[u8], findings: &mut Findings) {
    let mut import =
        |severity, rule, text: &str| findings.add(severity, RuleSource::Import, rule, path, text);
    if member.foreign_name {
        let text = "has a name in a pax record that is not ASCII, which bsdtar takes in a UTF-8 locale only";
        import(Severity::Warning, "name-encoding", text);
    }
    if member.uid > LARGEST_ID || member.gid > LARGEST_ID {
        let text = format!("is owned by {}:{}, which Linux has not", member.uid, member.gid);
        import(Severity::Warning, "owner", &text);
    }
    // The root itself.
    if path.is_empty() && member.kind == EntryType::Directory {
        let found = (member.mode & 0o7777, member.uid, member.gid);
        if found != (0o755, 0, 0) {
            let text = format!(
                "the archive gives / the mode {:04o} and the owner {}:{} instead of 0755 and 0:0",
                found.0, found.1, found.2
            );
            import(Severity::Warning, "root", &text);
        }
    }
    for (name, size) in &member.attributes {
        if !NAME_SPACES.iter().any(|space| name.starts_with(space)) || *size > LARGEST_ATTRIBUTE {
            let text = format!("has the extended attribute {name} with {size} bytes, which Linux refuses");
            findings.add(Severity::Error, RuleSource::Import, "attribute", path, &text);
        }
        if UNSUPPORTED.iter().any(|unsupported| name.starts_with(unsupported)) {
            let text = format!("has the extended attribute {name}, which WSL 1 does not support");
            findings.add(Severity::Warning, RuleSource::Validator, "wsl1-attribute", path, &text);
        }
    }
}
