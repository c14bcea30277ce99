//! Store paths as members of the archive, in the one form that Nix gives them.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

use super::duplicates::Duplicates;
use super::entry::{Owner, kind_name};
use super::stream::{Archive, Sink};
use super::tree::absolute;
use super::{ImageError, Result};

/// Adds the store path that stands at `source` to `archive` as `path`, with everything below it.
///
/// Only type, content and the executable bit are taken over, as in a NAR: the same members whatever the file system, the
/// store's optimisation or stray permission bits made of the copy at hand. With `duplicates`, a file that came before
/// becomes another name of that one.
///
/// # Errors
/// When the store path is missing, holds something else than files, directories and links, or cannot be read.
pub fn append<S: Sink>(
    archive: &mut Archive<S>,
    path: &Path,
    source: &Path,
    mut duplicates: Option<&mut Duplicates>,
) -> Result<()> {
    for found in WalkDir::new(source).follow_root_links(false).sort_by_file_name() {
        let found = found.map_err(|error| {
            let place = error.path().unwrap_or(source).to_owned();
            ImageError::source(&absolute(path), &place, error)
        })?;
        let below = found.path().strip_prefix(source).unwrap_or(Path::new(""));
        let joined;
        let member = if found.depth() == 0 {
            path
        } else {
            joined = path.join(below);
            &joined
        };
        let kind = found.file_type();
        if kind.is_dir() {
            archive.directory(member, Owner::root(0o555))?;
        } else if kind.is_symlink() {
            let target = fs::read_link(found.path())
                .map_err(|error| ImageError::source(&absolute(member), found.path(), error))?;
            archive.symlink(member, Owner::root(0o777), &target)?;
        } else if kind.is_file() {
            let original = match &mut duplicates {
                Some(duplicates) => duplicates.original(member, found.path())?,
                None => None,
            };
            match original {
                Some(original) => archive.link(member, Owner::root(0o444), &original)?,
                None => archive.file(member, found.path(), canonical)?,
            }
        } else {
            return Err(ImageError::Kind {
                entry: absolute(member).display().to_string(),
                source_path: found.path().to_owned(),
                kind: kind_name(kind),
            });
        }
    }
    Ok(())
}

/// A store file's owner and bits: root's, read-only, executable if its owner may execute it.
fn canonical(metadata: &Metadata) -> Owner {
    Owner::root(if metadata.permissions().mode() & 0o100 == 0 { 0o444 } else { 0o555 })
}
