//! The members of the archive, in order: its writer is the project's own (`image::header`), so ustar headers and PAX records
//! are all there is. Contents are lent as they come from the decompressor, without a copy.

use std::io::{self, BufRead, Read};

use tar::{EntryType, Header};

use super::header::{self, ArchiveMember, wrong};
use super::pieces::{Piece, Pieces};

const BLOCK: usize = 512;
/// More than any path, target and number need.
const MOST_RECORDS: u64 = 1 << 20;
/// No file of Linux is larger.
const MOST_BYTES: u64 = i64::MAX.unsigned_abs();

/// The archive that is being read.
pub struct ArchiveMembers<S> {
    source: S,
    header: Header,
    /// Of the present member: its content and what fills its last block.
    rest: u64,
    padding: u64,
    done: u64,
}

impl<S: BufRead> ArchiveMembers<S> {
    /// An archive from its beginning on.
    pub fn new(source: S) -> Self {
        Self { source, header: Header::new_old(), rest: 0, padding: 0, done: 0 }
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
        self.pass_over(total(self.rest, self.padding)?)?;
        (self.rest, self.padding) = (0, 0);
        let mut there = self.header()?;
        let mut records = Vec::new();
        if there && self.header.entry_type() == EntryType::XHeader {
            records = self.records(self.header.size()?)?;
            there = self.header()?;
        }
        if !there {
            return Ok(None);
        }
        let member = header::member(&self.header, &records)?;
        self.rest = member.size;
        self.padding = padding(member.size)?;
        self.count(total(self.rest, self.padding)?)?;
        Ok(Some(member))
    }

    /// The content of the present member, or the rest of it.
    pub fn content(&mut self) -> MemberContent<'_, S> {
        MemberContent(self)
    }

    /// Passes over bytes without a buffer of its own: `io::copy` clears 8 KiB for every member.
    fn pass_over(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let there = self.source.fill_buf()?.len();
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = there.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.source.consume(part);
            bytes -= part as u64;
        }
        Ok(())
    }

    /// Reads the next header; `false` at the end.
    fn header(&mut self) -> io::Result<bool> {
        self.source.read_exact(self.header.as_mut_bytes())?;
        self.count(BLOCK as u64)?;
        if self.header.as_bytes().iter().all(|&byte| byte == 0) {
            return Ok(false);
        }
        if header::is_whole(&self.header)? { Ok(true) } else { Err(wrong("a header is damaged")) }
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

impl<S: Pieces> MemberContent<'_, S> {
    /// Takes the whole content as one piece, if it lies in one frame and nothing of it was read.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub fn piece(&mut self) -> io::Result<Option<Piece>> {
        let Ok(size) = usize::try_from(self.0.rest) else { return Ok(None) };
        let piece = self.0.source.piece(size)?;
        if piece.is_some() {
            self.0.rest = 0;
        }
        Ok(piece)
    }
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
