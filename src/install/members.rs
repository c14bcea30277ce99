//! The members of the archive, in order: its writer is the project's own (`image::header`), so ustar headers and PAX records
//! are all there is. Contents are lent as they come from the decompressor, without a copy.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use rustix::fs::{Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid};
use tar::{EntryType, Header, PaxExtensions};

use crate::system::replace;

const BLOCK: usize = 512;
/// More than any path, target and number need.
const MOST_RECORDS: u64 = 1 << 20;
/// No file of Linux is larger.
const MOST_BYTES: u64 = i64::MAX.unsigned_abs();

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

/// The archive that is being read.
pub struct ArchiveMembers<S> {
    source: S,
    /// Of the present member: its content and what fills its last block.
    rest: u64,
    padding: u64,
    done: u64,
}

impl<S: BufRead> ArchiveMembers<S> {
    /// An archive from its beginning on.
    pub fn new(source: S) -> Self {
        Self { source, rest: 0, padding: 0, done: 0 }
    }

    /// The bytes before the present member's content.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The next member; what was not read of the one before is passed over.
    ///
    /// # Errors
    /// When the archive cannot be read, or this is none.
    pub fn advance(&mut self) -> io::Result<Option<ArchiveMember>> {
        let left = total(self.rest, self.padding)?;
        if io::copy(&mut (&mut self.source).take(left), &mut io::sink())? < left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.rest, self.padding) = (0, 0);
        let mut header = self.header()?;
        let mut records = Vec::new();
        if header.as_ref().is_some_and(|header| header.entry_type() == EntryType::XHeader) {
            records = self.records(header.as_ref().map_or(Ok(0), Header::size)?)?;
            header = self.header()?;
        }
        let Some(header) = header else { return Ok(None) };
        let member = member(&header, &records)?;
        self.rest = member.size;
        self.padding = padding(member.size)?;
        self.count(total(self.rest, self.padding)?)?;
        Ok(Some(member))
    }

    /// The content of the present member, or the rest of it.
    pub fn content(&mut self) -> MemberContent<'_, S> {
        MemberContent(self)
    }

    /// A header block; nothing at the end.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block)?;
        self.count(BLOCK as u64)?;
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        // Its own field counts as eight blanks.
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        let own: u32 = header.as_old().cksum.iter().map(|&byte| u32::from(byte)).sum();
        if Some(header.cksum()?) == sum.checked_sub(own).and_then(|sum| sum.checked_add(8 * 32)) {
            Ok(Some(header))
        } else {
            Err(wrong("a header is damaged"))
        }
    }

    fn records(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MOST_RECORDS {
            return Err(wrong("an extended header is too long"));
        }
        let whole = total(size, padding(size)?)?;
        let length = |bytes: u64| usize::try_from(bytes).map_err(|_| wrong(IMPOSSIBLE));
        let mut records = vec![0; length(whole)?];
        self.source.read_exact(&mut records)?;
        self.count(whole)?;
        records.truncate(length(size)?);
        Ok(records)
    }

    fn count(&mut self, bytes: u64) -> io::Result<()> {
        self.done = total(self.done, bytes)?;
        Ok(())
    }
}

/// The bytes of one member.
pub struct MemberContent<'a, S>(&'a mut ArchiveMembers<S>);

impl<S: BufRead> Read for MemberContent<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = buffer.len().min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<S: BufRead> BufRead for MemberContent<'_, S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.0.rest == 0 {
            return Ok(&[]);
        }
        let bytes = self.0.source.fill_buf()?;
        let count = bytes.len().min(usize::try_from(self.0.rest).unwrap_or(usize::MAX));
        Ok(&bytes[..count])
    }

    fn consume(&mut self, count: usize) {
        // More than was lent is no reader's to take.
        let count = count.min(usize::try_from(self.0.rest).unwrap_or(usize::MAX));
        self.0.source.consume(count);
        self.0.rest -= count as u64;
    }
}

fn member(header: &Header, records: &[u8]) -> io::Result<ArchiveMember> {
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

const IMPOSSIBLE: &str = "a size is larger than any file can be";

/// What fills the last block of a content.
fn padding(size: u64) -> io::Result<u64> {
    let whole = size.checked_next_multiple_of(BLOCK as u64).filter(|&whole| whole <= MOST_BYTES);
    whole.and_then(|whole| whole.checked_sub(size)).ok_or_else(|| wrong(IMPOSSIBLE))
}

/// The sum of two numbers of bytes.
fn total(a: u64, b: u64) -> io::Result<u64> {
    a.checked_add(b).filter(|&sum| sum <= MOST_BYTES).ok_or_else(|| wrong(IMPOSSIBLE))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tar::Builder;

    fn header(kind: EntryType, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o4755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1);
        header.set_size(size as u64);
        header
    }

    #[test]
    fn reads_what_it_is_given_in_pieces() {
        let mut builder = Builder::new(Vec::new());
        let long = "d".repeat(90) + "/" + &"n".repeat(150);
        for (name, content) in [("a", "first"), ("b", ""), ("c", "third")] {
            builder
                .append_data(&mut header(EntryType::Regular, content.len()), name, content.as_bytes())
                .unwrap();
        }
        builder.append_pax_extensions([("path", long.as_bytes()), ("uid", b"70000000")]).unwrap();
        builder.append_data(&mut header(EntryType::Regular, 1000), "short", &[7_u8; 1000][..]).unwrap();
        builder.append_link(&mut header(EntryType::Symlink, 0), "l", "where/to").unwrap();
        let archive = builder.into_inner().unwrap();

        let mut members = ArchiveMembers::new(io::BufReader::with_capacity(100, &archive[..]));
        let mut found = Vec::new();
        while let Some(member) = members.advance().unwrap() {
            let mut content = Vec::new();
            // What is not read is passed over.
            if member.name != b"c" {
                members.content().read_to_end(&mut content).unwrap();
            }
            found.push((member, content));
        }
        let names: Vec<_> = found.iter().map(|(member, _)| String::from_utf8_lossy(&member.name)).collect();
        assert_eq!(names, ["a", "b", "c", long.as_str(), "l"]);
        assert_eq!(found[0].1, b"first");
        assert_eq!(found[3].1, [7; 1000]);
        let owner = |at: usize| found[at].0.attributes.map(|attributes| (attributes.uid, attributes.gid));
        assert_eq!((owner(0), owner(3)), (Some((7, 8)), Some((70_000_000, 8))));
        assert_eq!((found[4].0.kind, found[4].0.target.as_slice()), (EntryType::Symlink, &b"where/to"[..]));
    }

    #[test]
    fn damage_is_an_error() {
        let mut builder = Builder::new(Vec::new());
        builder.append_data(&mut header(EntryType::Regular, 600), "a", &[7_u8; 600][..]).unwrap();
        let archive = builder.into_inner().unwrap();
        let mut flipped = archive.clone();
        flipped[3] ^= 1;
        assert!(ArchiveMembers::new(&flipped[..]).advance().is_err());
        let mut cut = ArchiveMembers::new(&archive[..700]);
        cut.advance().unwrap();
        assert!(cut.advance().is_err());
        assert!(ArchiveMembers::new(&b""[..]).advance().is_err());
    }

    /// Everything in an archive, as far as it goes.
    fn read_all(archive: &[u8]) -> io::Result<u64> {
        let mut members = ArchiveMembers::new(archive);
        while members.advance()?.is_some() {
            io::copy(&mut members.content(), &mut io::sink())?;
        }
        Ok(members.done())
    }

    /// A member whose extended header says this of it.
    fn extended(records: &[(&str, &[u8])], size: u64) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions(records.iter().copied()).unwrap();
        let mut header = header(EntryType::Regular, 0);
        header.set_size(size);
        header.set_path("x").unwrap();
        header.set_cksum();
        let mut archive = builder.into_inner().unwrap();
        archive.truncate(archive.len() - 2 * BLOCK);
        archive.extend_from_slice(header.as_bytes());
        archive
    }

    #[test]
    fn impossible_numbers_are_errors() {
        for size in [u64::MAX, u64::MAX - 511, 1 << 63, (1 << 63) - 1, (1 << 63) - 512] {
            assert!(read_all(&extended(&[("size", size.to_string().as_bytes())], 0)).is_err(), "{size}");
            assert!(read_all(&extended(&[("path", b"y")], size)).is_err(), "{size}");
        }
        for text in [&b"-1"[..], b"+1", b" 1", b"1e3", b"", b"99999999999999999999", b"\xff", "٣".as_bytes()]
        {
            for key in ["size", "uid", "gid"] {
                let archive = extended(&[(key, text)], 0);
                assert!(read_all(&archive).is_err(), "{key}={}", String::from_utf8_lossy(text));
            }
        }
    }

    proptest! {
        #[test]
        fn any_size_is_read_or_refused(size in any::<u64>(), low in 0_u64..2048, header_size in any::<u64>()) {
            for size in [size, u64::MAX - low, i64::MAX.unsigned_abs() - low, low] {
                let mut archive = extended(&[("size", size.to_string().as_bytes())], header_size);
                archive.extend([7; 2048 + 512]);
                // Neither a panic nor more than there is.
                prop_assert!(read_all(&archive).map_or(true, |done| done <= archive.len() as u64 + 512));
            }
        }

        #[test]
        fn any_extended_header_is_read_or_refused(records in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut head = header(EntryType::XHeader, records.len());
            head.set_path("x").unwrap();
            head.set_cksum();
            let mut archive = head.as_bytes().to_vec();
            archive.extend(&records);
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
            archive.extend(extended(&[("path", b"y")], 0));
            let _ = read_all(&archive);
        }

        #[test]
        fn any_change_of_an_archive_is_read_or_refused(at in 0_usize..4096, byte in any::<u8>(), cut in 0_usize..6000) {
            let mut builder = Builder::new(Vec::new());
            builder.append_pax_extensions([("uid", &b"70000000"[..])]).unwrap();
            builder.append_data(&mut header(EntryType::Regular, 1000), "a", &[7_u8; 1000][..]).unwrap();
            builder.append_link(&mut header(EntryType::Symlink, 0), "l", "where/to").unwrap();
            let mut archive = builder.into_inner().unwrap();
            // With the checksum made right again: damage that a header's own sum does not show.
            let block = at / BLOCK * BLOCK;
            archive[at] = byte;
            let mut header = Header::from_byte_slice(&archive[block..block + BLOCK]).clone();
            header.set_cksum();
            archive[block..block + BLOCK].copy_from_slice(header.as_bytes());
            archive.truncate(cut);
            let _ = read_all(&archive);
        }
    }
}
