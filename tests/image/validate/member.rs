//! Archives made byte by byte: members that no honest writer would write.

use tar::{EntryType, Header};

/// A member that is to be written.
#[derive(Clone)]
pub struct Member {
    pub path: String,
    pub kind: EntryType,
    pub mode: u32,
    pub owner: (u64, u64),
    pub target: String,
    pub content: Vec<u8>,
    /// The size that its header says, if that is not the content's.
    pub claimed: Option<u64>,
    /// Records of a pax header before it.
    pub records: Vec<(String, Vec<u8>)>,
}

pub fn directory(path: &str) -> Member {
    member(path, EntryType::Directory, 0o755, "", b"")
}

pub fn file(path: &str, mode: u32, content: impl AsRef<[u8]>) -> Member {
    member(path, EntryType::Regular, mode, "", content.as_ref())
}

pub fn link(path: &str, target: &str) -> Member {
    member(path, EntryType::Symlink, 0o777, target, b"")
}

pub fn hard_link(path: &str, target: &str) -> Member {
    member(path, EntryType::Link, 0o644, target, b"")
}

fn member(path: &str, kind: EntryType, mode: u32, target: &str, content: &[u8]) -> Member {
    Member {
        path: path.to_owned(),
        kind,
        mode,
        owner: (0, 0),
        target: target.to_owned(),
        content: content.to_vec(),
        claimed: None,
        records: Vec::new(),
    }
}

impl Member {
    /// With an extended attribute.
    pub fn attribute(mut self, name: &str, value: &[u8]) -> Self {
        self.records.push((format!("SCHILY.xattr.{name}"), value.to_vec()));
        self
    }

    pub fn owned(mut self, uid: u64, gid: u64) -> Self {
        self.owner = (uid, gid);
        self
    }

    fn append(&self, archive: &mut Vec<u8>) {
        if !self.records.is_empty() {
            let records: Vec<u8> = self.records.iter().flat_map(|(key, value)| record(key, value)).collect();
            let pax = member("pax", EntryType::XHeader, 0o644, "", &records);
            pax.block(archive);
        }
        if self.path.len() > 100 {
            let name = format!("{}\0", self.path);
            let long = member("././@LongLink", EntryType::GNULongName, 0o644, "", name.as_bytes());
            long.block(archive);
        }
        self.block(archive);
    }

    /// The header as far as it has room, and the content.
    fn block(&self, archive: &mut Vec<u8>) {
        let mut header = Header::new_gnu();
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(self.owner.0);
        header.set_gid(self.owner.1);
        header.set_mtime(1);
        header.set_size(self.claimed.unwrap_or(self.content.len() as u64));
        let raw = header.as_mut_bytes();
        let name = &self.path.as_bytes()[..self.path.len().min(100)];
        raw[..name.len()].copy_from_slice(name);
        raw[157..157 + self.target.len()].copy_from_slice(self.target.as_bytes());
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(&self.content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
}

/// All members, and the end.
pub fn archive(members: &[Member]) -> Vec<u8> {
    let mut archive = without_end(members);
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// All members, and no end.
pub fn without_end(members: &[Member]) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        member.append(&mut archive);
    }
    archive
}

/// A record of a pax header; its length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), &rest].concat()
}
