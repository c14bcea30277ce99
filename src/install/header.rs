//! What a header of the archive and the extended header before it (pax(1)) say of a member.

use std::borrow::Cow;
use std::io;

use rustix::fs::{Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid};
use tar::{EntryType, Header, PaxExtensions};

use crate::system::replace;

/// Permission bits, owner and time of a member.
#[derive(Clone, Copy, Debug)]
pub struct MemberAttributes {
    /// Permission bits, up to 0o7777.
    pub mode: u32,
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// Seconds since 1970.
    pub modified: i64,
}

impl MemberAttributes {
    pub(super) fn mode(self) -> Mode {
        Mode::from_raw_mode(self.mode)
    }

    pub(super) fn owner(self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
    }

    pub(super) fn times(self) -> Timestamps {
        Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: self.modified, tv_nsec: 0 },
        }
    }

    pub(super) fn for_replacement(self) -> replace::Attributes {
        let Self { mode, uid, gid, modified } = self;
        replace::Attributes { mode, owner: Some((uid, gid)), modified: Some(modified) }
    }

    pub(super) fn fits(self, found: &Stat) -> bool {
        (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (self.mode, self.uid, self.gid)
    }
}

/// One member; its content comes next.
#[derive(Debug)]
pub struct ArchiveMember {
    /// The path as it stands there.
    pub name: Vec<u8>,
    /// What a link leads to; empty for others.
    pub target: Vec<u8>,
    /// Its type.
    pub kind: EntryType,
    /// Bytes of content.
    pub size: u64,
    /// Permission bits, owner and time; nothing if they do not fit.
    pub attributes: Option<MemberAttributes>,
}

/// Whether a header's checksum is right (ustar(5)).
///
/// # Errors
/// When it is no number.
pub(super) fn is_whole(header: &Header) -> io::Result<bool> {
    // Its own field counts as eight blanks.
    let own = sum(&header.as_old().cksum);
    let sum = sum(header.as_bytes()).checked_sub(own).and_then(|sum| sum.checked_add(8 * 32));
    Ok(Some(header.cksum()?) == sum)
}

/// The member that `header` and the `records` of an extended one are of.
///
/// # Errors
/// When a number in them is none.
pub(super) fn member(header: &Header, records: &[u8]) -> io::Result<ArchiveMember> {
    let mut name = header.path_bytes();
    let mut target = header.link_name_bytes().unwrap_or_default();
    let (mut size, mut uid, mut gid) = (header.entry_size()?, header.uid()?, header.gid()?);
    for record in PaxExtensions::new(records) {
        let record = record?;
        match record.key_bytes() {
            b"path" => name = Cow::Borrowed(record.value_bytes()),
            b"linkpath" => target = Cow::Borrowed(record.value_bytes()),
            b"size" => size = number(record.value_bytes())?,
            b"uid" => uid = number(record.value_bytes())?,
            b"gid" => gid = number(record.value_bytes())?,
            _ => {}
        }
    }
    let attributes = || {
        Some(MemberAttributes {
            mode: header.mode().ok()? & 0o7777,
            uid: uid.try_into().ok()?,
            gid: gid.try_into().ok()?,
            modified: header.mtime().ok()?.try_into().ok()?,
        })
    };
    let kind = header.entry_type();
    // Only files have a content.
    let size = if kind == EntryType::Regular { size } else { 0 };
    Ok(ArchiveMember {
        attributes: attributes(),
        name: name.into_owned(),
        target: target.into_owned(),
        kind,
        size,
    })
}

/// A number of an extended header: decimal digits alone (pax(1)).
fn number(bytes: &[u8]) -> io::Result<u64> {
    let digits =
        std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.ok_or_else(|| wrong("an extended header has a number that is none"))
}

/// The sum of the bytes of a header or a part of it, whose length is a multiple of eight.
fn sum(bytes: &[u8]) -> u32 {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    // Four sums of 16 bits at a time, which those of 128 bytes each fit in; one byte after the other takes as long as all
    // else that is done with a header.
    let (words, _) = bytes.as_chunks::<8>();
    let words = words.iter().map(|&word| u64::from_ne_bytes(word));
    let sums = words.fold(0, |sums, word| sums + (word & EVEN) + ((word >> 8) & EVEN)).to_ne_bytes();
    let (sums, _) = sums.as_chunks::<2>();
    sums.iter().map(|&sum| u32::from(u16::from_ne_bytes(sum))).sum()
}

/// The error of an archive that is none.
pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
