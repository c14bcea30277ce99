//! How an archive is compressed, and its bytes without that: in bounded memory, whatever the stream says of itself.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use serde::Serialize;

/// As much memory as any preset of xz needs, several times over.
const XZ_MEMORY: u64 = 256 << 20;
/// The size of the disk that WSL makes: no archive that unpacks to more fits.
const MOST_BYTES: u64 = 1 << 40;
const BUFFER: usize = 1 << 17;

/// A compression that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// RFC 1952, one member or several.
    Gzip,
    /// One stream or several.
    Xz,
    /// One frame or several.
    Zstd,
    /// No compression.
    None,
    /// No archive: a disk, of which what is all zero takes no room.
    Vhdx,
}

impl Compression {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::None => "not compressed",
            Self::Vhdx => "a VHDX disk",
        }
    }

    /// By the first bytes of a file; what else it is where it is not read here.
    ///
    /// # Errors
    /// The name of a format that is none of these.
    pub fn of(head: &[u8]) -> Result<Self, &'static str> {
        const OTHERS: [(&[u8], &str); 5] = [
            (b"BZh", "bzip2"),
            (b"\x04\x22\x4d\x18", "lz4"),
            (b"PK\x03\x04", "zip"),
            (
                b"conectix",
                "a VHD disk: `wsl --import` takes it with --vhd, and `qemu-img convert` makes a VHDX of it",
            ),
            (b"\x5d\x00\x00", "lzma"),
        ];
        match head {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            [b'v', b'h', b'd', b'x', b'f', b'i', b'l', b'e', ..] => Ok(Self::Vhdx),
            _ => match OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
                Some((_, name)) => Err(name),
                None => Ok(Self::None),
            },
        }
    }
}

/// The bytes of the archive in `file`, from its beginning.
///
/// # Errors
/// When the decompressor cannot be made.
pub fn open(file: File, compression: Compression) -> io::Result<Box<dyn BufRead>> {
    let file = BufReader::with_capacity(BUFFER, file);
    Ok(match compression {
        Compression::None => limited(file),
        Compression::Gzip => limited(GzipMembers::new(file)),
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
            limited(XzDecoder::new_stream(file, stream))
        }
        // Its windows are at most 128 MiB.
        Compression::Vhdx => return Err(io::Error::new(io::ErrorKind::Unsupported, "a disk is no archive")),
        Compression::Zstd => limited(zstd::stream::read::Decoder::with_buffer(file)?),
    })
}

fn limited(source: impl Read + 'static) -> Box<dyn BufRead> {
    Box::new(BufReader::with_capacity(BUFFER, Limited { source, left: MOST_BYTES }))
}

/// A source that is an error after so many bytes.
struct Limited<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left =
            left.ok_or_else(|| io::Error::other("unpacks to more than the disk that WSL makes, 1 TiB"))?;
        Ok(count)
    }
}

/// One gzip member after the other; what follows the last and is none is not read, as bsdtar does.
struct GzipMembers<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let mut source = self.member.take().map(GzDecoder::into_inner);
            if let Some(source) = source.as_mut()
                && source.fill_buf()?.first() != Some(&0x1f)
            {
                return Ok(0);
            }
            self.member = source.map(GzDecoder::new);
        }
        Ok(0)
    }
}
