//! Archives as the installer reads them, and as the image's writer writes them.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::ValueEnum;
use nixos_wsl::image::entry::Owner;
use nixos_wsl::image::header::{BLOCK, Member as Written, append, end, padding};
use nixos_wsl::image::validate::judge_stream;
use nixos_wsl::image::validate::verdict::{Findings, RuleSource};
use nixos_wsl::install::members::ArchiveMembers;
use nixos_wsl::install::place::member_path;
use tar::{EntryType, Header};

use super::input::Input;

/// Reads an archive to its end or its first fault.
fn read(archive: &[u8]) {
    let mut members = ArchiveMembers::new(archive);
    let total = archive.len() as u64;
    while let Ok(Some(member)) = members.advance() {
        let mut content = Vec::new();
        let got = members.content().read_to_end(&mut content).unwrap() as u64;
        assert!(got <= member.size && got <= total);
        if let Ok(path) = member_path(&member.name) {
            assert!(
                path.is_relative() && !path.components().any(|part| part.as_os_str() == ".."),
                "{}",
                path.display()
            );
        }
        // Cut off in the middle: the next step says so.
        if got < member.size {
            assert!(members.advance().is_err());
            return;
        }
    }
    assert!(members.done() <= total || members.advance().is_err());
}

/// A header with the fields that an input gives, byte by byte; its checksum is right, or nothing would get past it.
fn header(input: &mut Input<'_>, kind: u8) -> Header {
    let mut header = Header::new_ustar();
    let raw = header.as_mut_bytes();
    for (start, room) in
        [(0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (157, 100), (345, 155)]
    {
        let length = usize::from(input.byte()).min(room);
        let bytes = input.bytes(length);
        raw[start..start + bytes.len()].copy_from_slice(bytes);
    }
    raw[156] = kind;
    header.set_cksum();
    header
}

/// An archive of members with any fields and contents of any length, without its end.
fn any_archive(data: &[u8]) -> Vec<u8> {
    let mut input = Input(data);
    let mut archive = Vec::new();
    while !input.is_empty() {
        let kind = input.byte();
        let header = header(&mut input, kind);
        archive.extend_from_slice(header.as_bytes());
        let length = usize::from(input.byte()) * 8;
        let content = input.bytes(length);
        archive.extend_from_slice(content);
        // Most have what fills the last block.
        if input.byte() & 7 != 7 {
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
    }
    archive
}

/// Members with any fields and contents of any length.
pub fn tar_members(data: &[u8]) {
    let mut archive = any_archive(data);
    read(&archive);
    archive.extend_from_slice(&end());
    read(&archive);
}

/// What anybody gives to `nixos-wsl-image validate`.
pub fn validated(data: &[u8]) {
    let mut archive = any_archive(data);
    archive.extend_from_slice(&end());
    for archive in [&archive[..], data] {
        let mut findings = Findings::by(RuleSource::value_variants());
        let (machine, members) = judge_stream(|| Ok(archive), None, &mut findings).unwrap();
        let verdict = findings.verdict(None, machine, members);
        assert!(members <= (archive.len() / BLOCK) as u64);
        // One line a finding, whatever the names.
        let more = verdict.unlisted.len() + 1;
        assert_eq!(verdict.to_string().lines().count(), verdict.findings.len() + more);
        assert!(verdict.findings.len() as u64 <= verdict.errors + verdict.warnings);
    }
}

/// The records of an extended header.
pub fn pax(data: &[u8]) {
    let mut archive = Vec::new();
    for (kind, size) in [(EntryType::XHeader, data.len()), (EntryType::Regular, 3)] {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(1);
        header.set_size(size as u64);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(if size == data.len() && kind == EntryType::XHeader {
            data
        } else {
            b"abc"
        });
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.extend_from_slice(&end());
    read(&archive);
}

/// What the writer writes, the installer's reader and a foreign one read.
pub fn tar_round_trip(data: &[u8]) {
    let mut input = Input(data);
    let mut wanted = Vec::new();
    let mut archive = Vec::new();
    while !input.is_empty() && wanted.len() < 20 {
        let (kind, repeat) = (input.byte(), usize::from(input.byte() & 15) + 1);
        // Names get long by repetition; a path has no empty component and no NUL.
        let part: Vec<u8> = input.line().iter().copied().filter(|byte| *byte != 0).take(200).collect();
        let name = part
            .repeat(repeat)
            .split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty() && *part != b"." && *part != b"..")
            .collect::<Vec<_>>()
            .join(&b'/');
        if name.is_empty() {
            continue;
        }
        let id = |bytes: &[u8]| {
            bytes.iter().fold(0_u32, |all, &byte| all << 8 | u32::from(byte)).min(u32::MAX - 1)
        };
        let owner =
            Owner { mode: id(input.bytes(2)) & 0o7777, uid: id(input.bytes(4)), gid: id(input.bytes(4)) };
        let content = vec![kind; usize::from(input.byte()) * 5];
        let path = PathBuf::from(OsStr::from_bytes(&name));
        let (member, entry_type, size) = match kind % 4 {
            0 => (Written::Directory, EntryType::Directory, 0),
            1 => (Written::File(content.len() as u64), EntryType::Regular, content.len()),
            2 => (Written::Symlink(&path), EntryType::Symlink, 0),
            _ => (Written::Link(&path), EntryType::Link, 0),
        };
        append(&mut archive, &path, owner, member);
        archive.extend_from_slice(&content[..size]);
        archive.resize(archive.len() + padding(size as u64), 0);
        wanted.push((path.clone(), owner, entry_type, content[..size].to_vec()));
    }
    archive.extend_from_slice(&end());

    let mut members = ArchiveMembers::new(&archive[..]);
    let mut foreign = tar::Archive::new(&archive[..]);
    let mut others = foreign.entries().unwrap();
    for (path, owner, kind, bytes) in &wanted {
        let member = members.advance().unwrap().unwrap();
        assert_eq!(
            (&member_path(&member.name).unwrap(), member.kind, member.size),
            (path, *kind, bytes.len() as u64)
        );
        let attributes = member.attributes.unwrap();
        assert_eq!((attributes.mode, attributes.uid, attributes.gid), (owner.mode, owner.uid, owner.gid));
        assert_eq!(attributes.modified, 1);
        let target = match kind {
            EntryType::Symlink => path.as_os_str().as_bytes().to_vec(),
            EntryType::Link => [b"./", path.as_os_str().as_bytes()].concat(),
            _ => Vec::new(),
        };
        assert_eq!(member.target, target);
        let mut content = Vec::new();
        members.content().read_to_end(&mut content).unwrap();
        assert_eq!(&content, bytes);

        let mut other = others.next().unwrap().unwrap();
        assert_eq!(other.header().entry_type(), *kind);
        assert_eq!(
            other
                .path_bytes()
                .strip_prefix(b"./")
                .unwrap()
                .strip_suffix(b"/")
                .unwrap_or(&other.path_bytes()[2..]),
            path.as_os_str().as_bytes()
        );
        assert_eq!(other.link_name_bytes().unwrap_or_default().as_ref(), target);
        let mut content = Vec::new();
        other.read_to_end(&mut content).unwrap();
        assert_eq!(&content, bytes);
    }
    assert!(members.advance().unwrap().is_none() && others.next().is_none());
}
