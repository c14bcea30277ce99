//! Which store files are equal: in an archive that nobody but the installer unpacks, they are stored once.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::closure::{Closure, STORE_DIR};
use super::entry::Owner;
use super::members::Members;
use super::stream::{Archive, Sink};
use super::tree::absolute;
use super::{ImageError, Result};
use crate::digest::sha256;

/// Links to one file: well below ext4's 65000, which Nix's own optimisation fills up too.
const MOST_LINKS: u32 = 30_000;

/// Size and executable bit: files that differ in them are not equal.
type Shape = (u64, bool);

/// The files met so far.
#[derive(Debug, Default)]
pub struct Duplicates {
    shapes: HashMap<Shape, bool>,
    first: HashMap<(bool, [u8; 32]), (PathBuf, u32)>,
}

impl Duplicates {
    /// Looks through the store paths of `closure` below `store` for files that may be equal: none is read yet.
    ///
    /// # Errors
    /// When a store path cannot be walked through.
    pub fn scan(closure: &Closure, store: &Path) -> Result<Self> {
        let mut shapes = HashMap::new();
        for info in closure.paths() {
            let path = Path::new(info.path.trim_start_matches('/'));
            let source = store.join(path.file_name().unwrap_or_default());
            for found in WalkDir::new(&source).follow_root_links(false) {
                let unreadable = |error| ImageError::source(&absolute(path), &source, error);
                let found = found.map_err(|error| unreadable(io::Error::from(error)))?;
                if found.file_type().is_file() {
                    let metadata = found.metadata().map_err(|error| unreadable(error.into()))?;
                    shapes.entry(shape(&metadata)).and_modify(|several| *several = true).or_insert(false);
                }
            }
        }
        Ok(Self { shapes, first: HashMap::new() })
    }

    /// The member that has the content of the file at `source`, if one came before; else `member` is remembered for it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn original(&mut self, member: &Path, source: &Path) -> Result<Option<PathBuf>> {
        let unreadable = |error| ImageError::source(&absolute(member), source, error);
        let metadata = source.symlink_metadata().map_err(unreadable)?;
        let shape = shape(&metadata);
        // An empty file takes no block, and a link to one saves nothing.
        if shape.0 == 0 || self.shapes.get(&shape) != Some(&true) {
            return Ok(None);
        }
        let key = (shape.1, sha256(source).map_err(unreadable)?);
        match self.first.get_mut(&key) {
            Some((original, links)) if *links < MOST_LINKS => {
                *links += 1;
                Ok(Some(original.clone()))
            }
            _ => {
                self.first.insert(key, (member.to_owned(), 1));
                Ok(None)
            }
        }
    }
}

/// An archive in which a store file that came before becomes another name of that one.
pub struct LinkedArchive<'a, 'b, S> {
    /// The archive.
    pub archive: &'a mut Archive<'b, S>,
    /// The files of the store that came before.
    pub duplicates: Duplicates,
}

impl<S: Sink> Members for LinkedArchive<'_, '_, S> {
    fn directory(&mut self, path: &Path, owner: Owner) -> Result<()> {
        self.archive.directory(path, owner)
    }

    fn symlink(&mut self, path: &Path, owner: Owner, target: &Path) -> Result<()> {
        self.archive.symlink(path, owner, target)
    }

    fn bytes(&mut self, path: &Path, owner: Owner, content: &[u8]) -> Result<()> {
        self.archive.bytes(path, owner, content)
    }

    fn file(&mut self, path: &Path, source: &Path, owner: impl Fn(&Metadata) -> Owner) -> Result<()> {
        let stored = path.starts_with(STORE_DIR.trim_start_matches('/'));
        match if stored { self.duplicates.original(path, source)? } else { None } {
            Some(original) => self.archive.link(path, Owner::root(0o444), &original),
            None => self.archive.file(path, source, owner),
        }
    }
}

fn shape(metadata: &Metadata) -> Shape {
    (metadata.size(), metadata.permissions().mode() & 0o100 != 0)
}
