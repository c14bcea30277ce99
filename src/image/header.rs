//! Archive headers: ustar, with a PAX record only for what ustar cannot say.
//!
//! The tar crate's own path and link setters normalise what they are given (`a//b` becomes `a/b`), which would change
//! store paths; only its header block is used.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tar::{EntryType, Header};

use super::entry::Owner;

/// The size of a block; headers and contents fill whole ones.
pub const BLOCK: usize = 512;

/// The modification time of every member in seconds since 1970: the store's own.
const MODIFIED: u64 = 1;

/// The largest numbers that ustar's octal fields hold.
const MAX_ID: u32 = 0o7_777_777;
const MAX_SIZE: u64 = 0o77_777_777_777;

/// What a member is.
#[derive(Clone, Copy, Debug)]
pub enum Member<'a> {
    /// A directory.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link to this target.
    Symlink(&'a Path),
    /// Another name of the regular file that is the member at this path.
    Link(&'a Path),
}

/// Appends the header blocks of the member at `path` (relative to the root, empty for the root itself) to `blocks`.
pub fn append(blocks: &mut Vec<u8>, path: &Path, owner: Owner, member: Member) {
    let mut header = Header::new_ustar();
    let mut pax = Pax::default();

    let mut name = Vec::with_capacity(path.as_os_str().len() + 3);
    name.extend_from_slice(b"./");
    name.extend_from_slice(path.as_os_str().as_bytes());
    let mut other_name = b"./".to_vec();
    let (entry_type, size, target) = match member {
        Member::Directory => (EntryType::Directory, 0, None),
        Member::File(size) => (EntryType::Regular, size, None),
        Member::Symlink(target) => (EntryType::Symlink, 0, Some(target.as_os_str().as_bytes())),
        Member::Link(original) => {
            other_name.extend_from_slice(original.as_os_str().as_bytes());
            (EntryType::Link, 0, Some(other_name.as_slice()))
        }
    };
    if entry_type.is_dir() && !name.ends_with(b"/") {
        name.push(b'/');
    }
    header.set_entry_type(entry_type);

    // Records in the order of their names.
    header.set_gid(u64::from(if owner.gid > MAX_ID {
        pax.number("gid", owner.gid.into())
    } else {
        owner.gid
    }));
    if let Some(target) = target {
        set_link(&mut header, target, &mut pax);
    }
    set_name(&mut header, &name, &mut pax);
    header.set_size(if size > MAX_SIZE { pax.number("size", size).into() } else { size });
    header.set_uid(u64::from(if owner.uid > MAX_ID {
        pax.number("uid", owner.uid.into())
    } else {
        owner.uid
    }));
    header.set_mode(owner.mode);
    header.set_mtime(MODIFIED);

    pax.append(blocks);
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
}

/// The archive's end: two blocks of zeros.
#[must_use]
pub fn end() -> [u8; 2 * BLOCK] {
    [0; 2 * BLOCK]
}

/// How many zeros fill the last block of a content of `size` bytes.
#[must_use]
pub fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    usize::try_from((block - size % block) % block).unwrap_or_default()
}

/// Writes the name into the header's two fields, or into a PAX record.
fn set_name(header: &mut Header, name: &[u8], pax: &mut Pax) {
    let Some(fields) = header.as_ustar_mut() else { return };
    let (name_room, prefix_room) = (fields.name.len(), fields.prefix.len());
    if name.len() <= name_room {
        fields.name[..name.len()].copy_from_slice(name);
        return;
    }
    // The slash between the two fields is in neither; the second may not be empty, so a directory's last slash is no split.
    let split = name[..name.len() - 1]
        .iter()
        .enumerate()
        .filter(|&(at, byte)| *byte == b'/' && at <= prefix_room && name.len() - at - 1 <= name_room)
        .map(|(at, _)| at)
        .next();
    match split {
        Some(at) if at > 0 => {
            fields.prefix[..at].copy_from_slice(&name[..at]);
            fields.name[..name.len() - at - 1].copy_from_slice(&name[at + 1..]);
        }
        _ => {
            fields.name.copy_from_slice(&name[..name_room]);
            pax.record("path", name);
        }
    }
}

/// Writes the link's target into the header's field, or into a PAX record.
fn set_link(header: &mut Header, target: &[u8], pax: &mut Pax) {
    let Some(fields) = header.as_ustar_mut() else { return };
    let room = fields.linkname.len();
    let fits = target.len().min(room);
    fields.linkname[..fits].copy_from_slice(&target[..fits]);
    if target.len() > room {
        pax.record("linkpath", target);
    }
}

/// The records of one extended header.
#[derive(Default)]
struct Pax {
    records: Vec<u8>,
    binary: bool,
}

impl Pax {
    /// Adds a number and gives what its field in the header holds instead.
    fn number(&mut self, key: &str, value: u64) -> u32 {
        self.record(key, value.to_string().as_bytes());
        0
    }

    /// Adds a record: its own length, the key, the value.
    fn record(&mut self, key: &str, value: &[u8]) {
        self.binary |= !value.is_ascii();
        push_record(&mut self.records, key, value);
    }

    /// Appends the extended header, if there is anything to say.
    fn append(&self, blocks: &mut Vec<u8>) {
        if self.records.is_empty() {
            return;
        }
        let mut body = Vec::new();
        if self.binary {
            // Without it a reader in the C locale refuses the name (W§1.3), and one that is not UTF-8 would be invalid.
            push_record(&mut body, "hdrcharset", b"BINARY");
        }
        body.extend_from_slice(&self.records);
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        if let Some(fields) = header.as_ustar_mut() {
            let name = b"./PaxHeaders/x";
            fields.name[..name.len()].copy_from_slice(name);
        }
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(body.len() as u64);
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
        blocks.extend_from_slice(&body);
        blocks.resize(blocks.len() + padding(body.len() as u64), 0);
    }
}

/// One PAX record; its length counts its own digits.
fn push_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(path: &str, owner: Owner, member: Member) -> Vec<u8> {
        let mut blocks = Vec::new();
        append(&mut blocks, Path::new(path), owner, member);
        blocks
    }

    #[test]
    fn needs_no_pax_for_what_ustar_can_say() {
        let owner = Owner { mode: 0o7777, uid: MAX_ID, gid: MAX_ID };
        assert_eq!(blocks("", owner, Member::Directory).len(), BLOCK);
        assert_eq!(blocks("ü", owner, Member::File(MAX_SIZE)).len(), BLOCK);
        let long = format!("{}/{}", "p".repeat(153), "n".repeat(100));
        assert_eq!(blocks(&long, owner, Member::File(0)).len(), BLOCK);
        let target = "t".repeat(100);
        assert_eq!(blocks("a", owner, Member::Symlink(Path::new(&target))).len(), BLOCK);
    }

    #[test]
    fn says_the_rest_in_one_extended_header() {
        let owner = Owner { mode: 0o644, uid: MAX_ID + 1, gid: u32::MAX - 1 };
        let found = blocks(&"n".repeat(255), owner, Member::File(MAX_SIZE + 1));
        assert_eq!(found.len(), 3 * BLOCK);
        let body = String::from_utf8_lossy(&found[BLOCK..2 * BLOCK]);
        let keys: Vec<_> =
            body.trim_end_matches('\0').lines().map(|line| line.split([' ', '=']).nth(1).unwrap()).collect();
        assert_eq!(keys, ["gid", "path", "size", "uid"]);
        for line in body.trim_end_matches('\0').lines() {
            assert_eq!(line.split(' ').next().unwrap().parse(), Ok(line.len() + 1));
        }
    }

    #[test]
    fn marks_records_that_are_not_ascii() {
        let found = blocks(&"ü".repeat(130), Owner::root(0o644), Member::File(0));
        assert!(found[BLOCK..].starts_with(b"21 hdrcharset=BINARY\n"));
    }

    #[test]
    fn record_lengths_count_their_own_digits() {
        for value in [0, 1, 86, 87, 88, 89, 90, 91, 92, 990, 991, 992] {
            let mut record = Vec::new();
            push_record(&mut record, "path", &vec![b'x'; value]);
            let digits = record.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let length: usize = std::str::from_utf8(&record[..digits]).unwrap().parse().unwrap();
            assert_eq!(length, record.len());
        }
    }
}
