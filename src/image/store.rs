//! Store paths as members of the image, in the one form that Nix gives them.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

use super::entry::{Node, Owner, kind_name};
use super::members::Members;
use super::tree::absolute;
use super::{ImageError, Result};

/// Adds a node to `members`; a store path is read from below `store`, with everything in it.
///
/// # Errors
/// When what is behind `members` takes no more, or a source cannot be read or is changed meanwhile.
pub fn append_node(
    members: &mut impl Members,
    path: &Path,
    owner: Owner,
    node: &Node,
    store: &Path,
) -> Result<()> {
    match node {
        Node::Directory => members.directory(path, owner),
        Node::Bytes(bytes) => members.bytes(path, owner, bytes),
        Node::File(source) => members.file(path, source, |_| owner),
        Node::Symlink(target) => members.symlink(path, Owner { mode: 0o777, ..owner }, target),
        Node::StorePath => append(members, path, &store.join(path.file_name().unwrap_or_default())),
    }
}

/// Adds the store path that stands at `source` to `members` as `path`, with everything below it.
///
/// Only type, content and the executable bit are taken over, as in a NAR: the same members whatever the file system, the
/// store's optimisation or stray permission bits made of the copy at hand.
fn append(members: &mut impl Members, path: &Path, source: &Path) -> Result<()> {
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
            members.directory(member, Owner::root(0o555))?;
        } else if kind.is_symlink() {
            let target = fs::read_link(found.path())
                .map_err(|error| ImageError::source(&absolute(member), found.path(), error))?;
            members.symlink(member, Owner::root(0o777), &target)?;
        } else if kind.is_file() {
            members.file(member, found.path(), canonical)?;
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
