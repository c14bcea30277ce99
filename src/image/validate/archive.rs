//! The members of a tar archive, as they stand there: ustar, GNU and pax (tar(5)), with what extends a header bounded.

use std::io::{self, BufRead, Read};

use tar::{EntryType, GnuExtSparseHeader, Header};

use super::pax;

const BLOCK: usize = 512;
/// More than any path, target and attributes of one member need; bsdtar takes no more either.
const MOST_OF_AN_EXTENSION: u64 = 1 << 20;
/// How many headers may extend one member.
const MOST_EXTENSIONS: usize = 64;
/// No file of Linux is larger.
const MOST_BYTES: u64 = i64::MAX.unsigned_abs();

/// A member's header, with what extends it.
#[derive(Debug)]
pub struct RawMember {
    /// Its place in the archive, from 0.
    pub index: u64,
    /// The path as it stands there.
    pub name: Vec<u8>,
    /// What a link leads to; empty for others.
    pub target: Vec<u8>,
    /// Its type; an old archive's directory is one.
    pub kind: EntryType,
    /// The mode as it stands there.
    pub mode: u32,
    /// User number.
    pub uid: u64,
    /// Group number.
    pub gid: u64,
    /// Bytes of the file that it becomes; a sparse one has fewer in the archive.
    pub size: u64,
    /// Names of extended attributes (`SCHILY.xattr.` and `LIBARCHIVE.xattr.` are left out), with the size of the value.
    pub attributes: Vec<(String, usize)>,
    /// Whether the path or the target comes from a pax record that is not ASCII.
    pub foreign_name: bool,
}

/// How an archive ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveEnd {
    /// With a block of zeros, and nothing else after it.
    Marked,
    /// With such a block and something behind it, which nobody reads.
    Followed,
    /// After a member, without a block of zeros.
    Unmarked,
}

/// Why an archive is read no further.
#[derive(Debug, thiserror::Error)]
pub enum BadArchive {
    /// The file is something else.
    #[error("is no tar archive")]
    None,
    /// The file ends in the middle, or so does the compressed stream.
    #[error("is cut off")]
    CutOff,
    /// A header's sum is wrong.
    #[error("has a damaged header")]
    DamagedHeader,
    /// A header says what cannot be.
    #[error("{0}")]
    Header(&'static str),
    /// The file cannot be read, or not decompressed.
    #[error("cannot be read: {0}")]
    Stream(io::Error),
}

impl From<io::Error> for BadArchive {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Stream(error),
        }
    }
}

/// The archive that is being read.
pub struct RawArchive<S> {
    source: S,
    members: u64,
    /// Of the present member: its content and what fills its last block.
    rest: u64,
    padding: u64,
    marked: bool,
}

/// What extends the header that comes next.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    records: Vec<u8>,
}

impl<S: BufRead> RawArchive<S> {
    /// An archive from its beginning on.
    pub fn new(source: S) -> Self {
        Self { source, members: 0, rest: 0, padding: 0, marked: false }
    }

    /// The next member; what was not read of the one before is passed over. Nothing at the end.
    ///
    /// # Errors
    /// When the archive cannot be read, is damaged or cut off.
    pub fn advance(&mut self) -> Result<Option<RawMember>, BadArchive> {
        let left = self.rest + self.padding;
        (self.rest, self.padding) = (0, 0);
        if io::copy(&mut (&mut self.source).take(left), &mut io::sink())? < left {
            return Err(BadArchive::CutOff);
        }
        let mut extensions = Extensions::default();
        for _ in 0..MOST_EXTENSIONS {
            let Some(header) = self.header()? else { return Ok(None) };
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName => extensions.name = Some(self.name(&header)?),
                EntryType::GNULongLink => extensions.target = Some(self.name(&header)?),
                EntryType::XHeader => extensions.records = self.extension(&header)?,
                // What holds for all members is neither a path nor an owner (libarchive passes it over).
                EntryType::XGlobalHeader => drop(self.extension(&header)?),
                _ => return self.member(&header, extensions).map(Some),
            }
        }
        Err(BadArchive::Header("has a member with more extended headers than any writer makes"))
    }

    /// The content of the present member, or the rest of it.
    pub fn content(&mut self) -> impl Read {
        RawContent(self)
    }

    /// Reads what follows the last member.
    ///
    /// # Errors
    /// When it cannot be read: the compressed stream is cut off there, or its checksum is wrong.
    pub fn end(mut self) -> Result<ArchiveEnd, BadArchive> {
        if !self.marked {
            return Ok(ArchiveEnd::Unmarked);
        }
        let mut end = ArchiveEnd::Marked;
        loop {
            let bytes = self.source.fill_buf()?;
            let count = bytes.len();
            if count == 0 {
                return Ok(end);
            }
            if bytes.iter().any(|&byte| byte != 0) {
                end = ArchiveEnd::Followed;
            }
            self.source.consume(count);
        }
    }

    /// A header block; nothing at the end.
    fn header(&mut self) -> Result<Option<Header>, BadArchive> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block.iter().all(|&byte| byte == 0) {
            self.marked = true;
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        // Its own field counts as eight blanks; some writers have summed signed bytes.
        let own = 148..156;
        let others = || block.iter().enumerate().filter(|(at, _)| !own.contains(at)).map(|(_, &byte)| byte);
        let sum: u32 = 8 * 32 + others().map(u32::from).sum::<u32>();
        let signed: i32 = 8 * 32 + others().map(|byte| i32::from(byte.cast_signed())).sum::<i32>();
        match header.cksum() {
            Ok(said) if said == sum || i32::try_from(said) == Ok(signed) => Ok(Some(header)),
            _ if self.members == 0 => Err(BadArchive::None),
            _ => Err(BadArchive::DamagedHeader),
        }
    }

    /// A block; nothing at the end of the file.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, BadArchive> {
        let mut block = [0; BLOCK];
        if self.source.fill_buf()?.is_empty() {
            return Ok(None);
        }
        match self.source.read_exact(&mut block) {
            Ok(()) => Ok(Some(block)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.members == 0 => {
                Err(BadArchive::None)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(BadArchive::CutOff),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of a header's extension.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, BadArchive> {
        let size = header.entry_size()?;
        if size > MOST_OF_AN_EXTENSION {
            return Err(BadArchive::Header("has an extended header of more than 1 MiB"));
        }
        let whole = size.next_multiple_of(BLOCK as u64);
        let mut bytes = Vec::new();
        if (&mut self.source).take(whole).read_to_end(&mut bytes)? as u64 != whole {
            return Err(BadArchive::CutOff);
        }
        bytes.truncate(usize::try_from(size).unwrap_or(0));
        Ok(bytes)
    }

    /// A long path in a content of its own.
    fn name(&mut self, header: &Header) -> Result<Vec<u8>, BadArchive> {
        let mut name = self.extension(header)?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        Ok(name)
    }

    fn member(&mut self, header: &Header, extensions: Extensions) -> Result<RawMember, BadArchive> {
        let mut stored = header.entry_size()?;
        let mut kind = header.entry_type();
        let mut size = stored;
        if kind == EntryType::GNUSparse {
            let gnu = header.as_gnu().ok_or(BadArchive::Header("has a sparse file without GNU's header"))?;
            size = gnu.real_size()?;
            let mut more = gnu.is_extended();
            while more {
                let mut block = GnuExtSparseHeader::new();
                self.source.read_exact(block.as_mut_bytes())?;
                more = block.is_extended();
            }
        }
        let mut member = RawMember {
            index: self.members,
            name: extensions.name.unwrap_or_else(|| header.path_bytes().into_owned()),
            target: extensions
                .target
                .unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned()),
            kind,
            mode: header.mode()?,
            uid: header.uid()?,
            gid: header.gid()?,
            size,
            attributes: Vec::new(),
            foreign_name: false,
        };
        let mut real = None;
        for record in pax::records(&extensions.records) {
            let (key, value) =
                record.ok_or(BadArchive::Header("has an extended header with a record that is none"))?;
            match key {
                b"path" => {
                    member.foreign_name |= !value.is_ascii();
                    member.name = value.to_vec();
                }
                b"GNU.sparse.name" => member.name = value.to_vec(),
                b"linkpath" => {
                    member.foreign_name |= !value.is_ascii();
                    member.target = value.to_vec();
                }
                b"size" => {
                    stored = number(value)?;
                    member.size = stored;
                }
                b"GNU.sparse.realsize" | b"GNU.sparse.size" => real = Some(number(value)?),
                b"uid" => member.uid = number(value)?,
                b"gid" => member.gid = number(value)?,
                _ => {
                    if let Some(name) =
                        key.strip_prefix(b"SCHILY.xattr.").or_else(|| key.strip_prefix(b"LIBARCHIVE.xattr."))
                    {
                        member.attributes.push((String::from_utf8_lossy(name).into_owned(), value.len()));
                    }
                }
            }
        }
        member.size = real.unwrap_or(member.size);
        // Archives from before the type of a directory.
        if kind == EntryType::Regular && member.name.ends_with(b"/") {
            kind = EntryType::Directory;
        }
        member.kind = kind;
        let stored = if has_content(kind) { stored } else { 0 };
        let whole = stored.checked_next_multiple_of(BLOCK as u64).filter(|&whole| whole <= MOST_BYTES);
        let whole = whole.ok_or(BadArchive::Header("has a size that is larger than any file can be"))?;
        (self.rest, self.padding) = (stored, whole - stored);
        self.members += 1;
        Ok(member)
    }
}

/// The bytes of one member.
struct RawContent<'a, S>(&'a mut RawArchive<S>);

impl<S: BufRead> Read for RawContent<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&mut self.0.source).take(self.0.rest).read(buffer)?;
        self.0.rest -= count as u64;
        Ok(count)
    }
}

/// Whether blocks of content follow the header: links, directories and devices have none, whatever their size.
fn has_content(kind: EntryType) -> bool {
    !matches!(
        kind,
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    )
}

/// A number of an extended header: decimal digits alone (pax(1)).
fn number(bytes: &[u8]) -> Result<u64, BadArchive> {
    let digits =
        std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.ok_or(BadArchive::Header("has an extended header with a number that is none"))
}
