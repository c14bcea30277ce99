//! Files from outside the store, added by hand: `--extra-files` and `--chown`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::entry::Owner;
use super::spec::relative;
use super::tree::Tree;
use super::{ImageError, Result};

/// What the command line adds to the spec.
#[derive(Debug, Default)]
pub struct Extra {
    /// Directories whose content is laid over the root, in order.
    pub files: Vec<PathBuf>,
    /// Paths of the image that get another owner, with everything below them.
    pub owners: Vec<(String, u32, u32)>,
}

impl Extra {
    /// Lays the files over `tree`: root's, with the permission bits they have, but never setuid, setgid or sticky.
    ///
    /// # Errors
    /// When a file cannot be read, has no place in the tree, or `--chown` names a path that is not there.
    pub fn apply(&self, tree: &mut Tree) -> Result<()> {
        for directory in &self.files {
            tree.graft(Path::new(""), directory, |metadata, _| {
                Owner::root(metadata.permissions().mode() & 0o777)
            })?;
        }
        if !self.files.is_empty() {
            tree.complete()?;
        }
        for (path, uid, gid) in &self.owners {
            let relative = relative(path).map_err(|problem| ImageError::entry(path, problem))?;
            tree.chown(&relative, *uid, *gid)?;
        }
        Ok(())
    }
}
