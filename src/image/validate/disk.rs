//! Reads the ext4 of a disk through: the root that it is, and the contents that rules ask for, as `reading` does of an archive.

use std::collections::BTreeSet;
use std::error::Error;

use ext4_view::{Ext4, Ext4Error, Ext4Read, FileType, Metadata, PathBuf};
use tar::EntryType;

use super::archive::RawMember;
use super::machine::{HEAD, Machine};
use super::reading::{Contents, KEPT, MOST_KEPT, MOST_MEMORY, Reading, attributes};
use super::unpacked::UnpackedRoot;
use super::verdict::{Findings, RuleSource, Severity};
use crate::image::disk::reader::{BadDisk, VhdxDisk};
use crate::wsl::distribution::RESOURCE_LIMIT;

/// More entries than the tree has room for, so that a folder without end has one.
const MOST_ENTRIES: u64 = 4_000_000;
/// The largest folder: of a million long names.
const LARGEST_FOLDER: u64 = 512 << 20;
const LONGEST_PATH: usize = 4096;
/// No ext4 of 64 TiB has more groups of blocks, or larger blocks.
const MOST_GROUPS: u64 = 1 << 20;
const LARGEST_BLOCK: u32 = 6;

/// Why a disk is read no further.
#[derive(Debug, thiserror::Error)]
enum BadSystem {
    #[error("{0}")]
    Disk(#[from] BadDisk),
    #[error("has a damaged file system: {0}")]
    System(#[from] Ext4Error),
    #[error("has a file system that is none of ext4, or none that WSL takes")]
    None,
    #[error("has more entries, or larger folders, than are judged here: what follows is not read")]
    TooMany,
}

/// A disk whose file system can be read.
pub struct Disk(Ext4);

struct Source(VhdxDisk);

impl Ext4Read for Source {
    fn read(&mut self, start: u64, buffer: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.read_at(buffer, start).map_err(Into::into)
    }
}

impl Disk {
    fn open(disk: VhdxDisk) -> Result<Self, BadSystem> {
        // What its reader takes without a look: the sizes by which it asks for memory.
        let mut head = [0; 1024];
        disk.read_at(&mut head, 1024)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let blocks = u64::from(word(0x4)) | u64::from(word(0x150)) << 32;
        let (size, group) = (word(0x18), u64::from(word(0x20)));
        let groups = blocks.checked_div(group).unwrap_or(u64::MAX);
        let fits = || blocks.checked_mul(1024 << size).is_some_and(|bytes| bytes <= disk.size());
        if head[0x38..0x3a] != [0x53, 0xef] || size > LARGEST_BLOCK || groups > MOST_GROUPS || !fits() {
            return Err(BadSystem::None);
        }
        Ok(Self(Ext4::load(Box::new(Source(disk)))?))
    }

    /// Calls `visit` with every entry, each folder before what is in it, until it says that this is enough.
    fn walk(
        &self,
        mut visit: impl FnMut(u64, &PathBuf, &Metadata) -> Result<bool, BadSystem>,
    ) -> Result<(), BadSystem> {
        let mut folders = vec![PathBuf::new("/")];
        let mut index = 0;
        while let Some(folder) = folders.pop() {
            for entry in self.0.read_dir(&folder)? {
                let entry = entry?;
                if [&b"."[..], b".."].contains(&entry.file_name().as_ref()) {
                    continue;
                }
                index += 1;
                let (path, metadata) = (entry.path(), entry.metadata()?);
                let length = path.as_ref().len();
                if index > MOST_ENTRIES
                    || length > LONGEST_PATH
                    || metadata.is_dir() && metadata.len() > LARGEST_FOLDER
                {
                    return Err(BadSystem::TooMany);
                }
                if !visit(index, &path, &metadata)? {
                    return Ok(());
                }
                if metadata.is_dir() {
                    folders.push(path);
                }
            }
        }
        Ok(())
    }

    /// A file's first bytes.
    fn head(&self, path: &PathBuf, length: u64) -> Result<Vec<u8>, BadSystem> {
        let mut file = self.0.open(path)?;
        let mut head = vec![0; usize::try_from(length.min(file.metadata().len())).unwrap_or_default()];
        let mut filled = 0;
        while filled < head.len() {
            match file.read_bytes(&mut head[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    fn member(&self, index: u64, path: &PathBuf, metadata: &Metadata) -> Result<RawMember, BadSystem> {
        let kind = match metadata.file_type() {
            FileType::Directory => EntryType::Directory,
            FileType::Symlink => EntryType::Symlink,
            FileType::Regular => EntryType::Regular,
            _ => EntryType::Fifo,
        };
        let target = match kind {
            EntryType::Symlink if metadata.len() > LONGEST_PATH as u64 => return Err(BadSystem::TooMany),
            EntryType::Symlink => self.0.read_link(path)?.as_ref().to_vec(),
            _ => Vec::new(),
        };
        Ok(RawMember {
            index,
            name: path.as_ref().to_vec(),
            target,
            kind,
            mode: u32::from(metadata.mode()),
            uid: metadata.uid().into(),
            gid: metadata.gid().into(),
            size: metadata.len(),
            attributes: Vec::new(),
            foreign_name: false,
        })
    }

    fn entries(&self, reading: &mut Reading, findings: &mut Findings) -> Result<(), BadSystem> {
        let mut kept = 0;
        let root = PathBuf::new("/");
        let mut add = |index, path: &PathBuf, metadata: &Metadata| {
            let member = self.member(index, path, metadata)?;
            reading.members += 1;
            let mut head = Vec::new();
            if member.kind == EntryType::Regular {
                let name = member.name.strip_prefix(b"/").unwrap_or(&member.name);
                let keep = member.size <= RESOURCE_LIMIT
                    && kept + member.size <= MOST_KEPT
                    && KEPT.iter().any(|folder| name.starts_with(folder.as_bytes()));
                if keep || member.mode & 0o111 != 0 {
                    head = self.head(path, if keep { RESOURCE_LIMIT } else { HEAD as u64 })?;
                }
                if keep {
                    kept += head.len() as u64;
                    reading.contents.insert(index, head.clone());
                }
            }
            let Ok((path, objection)) = reading.root.add(&member, Machine::of(&head)) else {
                return Err(BadSystem::TooMany);
            };
            if let Some(objection) = objection {
                findings.add(Severity::Error, RuleSource::Import, objection.rule, &path, objection.text);
            }
            attributes(&member, &path, findings);
            Ok(true)
        };
        add(0, &root, &self.0.metadata(&root)?)?;
        self.walk(add)
    }

    /// Reads the contents of the entries in `wanted`, as far as each is small enough to be one of WSL's files.
    pub fn read_contents(&self, wanted: &BTreeSet<u64>, contents: &mut Contents) {
        // It was whole a moment ago: a disk that somebody changes is judged as far as it goes.
        let _ = self.walk(|index, path, _| {
            if wanted.contains(&index) {
                contents.insert(index, self.head(path, RESOURCE_LIMIT)?);
            }
            Ok(wanted.iter().any(|member| !contents.contains_key(member)))
        });
    }
}

/// Reads a disk through, or as far as it can be read; the file system where it can be read again.
pub fn read(disk: Result<VhdxDisk, BadDisk>, findings: &mut Findings) -> (Reading, Option<Disk>) {
    let mut reading =
        Reading { root: UnpackedRoot::new(MOST_MEMORY), contents: Contents::new(), members: 0, whole: false };
    let disk = disk.map_err(BadSystem::from).and_then(Disk::open);
    let read = disk.and_then(|disk| disk.entries(&mut reading, findings).map(|()| disk));
    match read {
        Ok(disk) => {
            reading.whole = true;
            (reading, Some(disk))
        }
        Err(error) => {
            let text = format!("the disk {error}");
            findings.add(Severity::Error, RuleSource::Import, "disk", b"", &text);
            (reading, None)
        }
    }
}
