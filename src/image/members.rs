//! Whatever takes the members of a root file system one after the other: an archive, a disk.

use std::fs::Metadata;
use std::path::Path;

use super::Result;
use super::entry::Owner;

/// A root file system that is being written. Paths are relative to the root, which is the empty path and comes first;
/// parents come before their children, and all that is below a directory comes before what is not.
pub trait Members {
    /// Adds a directory.
    ///
    /// # Errors
    /// When what is behind takes no more; so for every member.
    fn directory(&mut self, path: &Path, owner: Owner) -> Result<()>;

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`Members::directory`].
    fn symlink(&mut self, path: &Path, owner: Owner, target: &Path) -> Result<()>;

    /// Adds a regular file with this content.
    ///
    /// # Errors
    /// As [`Members::directory`].
    fn bytes(&mut self, path: &Path, owner: Owner, content: &[u8]) -> Result<()>;

    /// Adds a regular file with the content of the one at `source`; `owner` is made from what that one is.
    ///
    /// # Errors
    /// As [`Members::directory`]; and when the source cannot be read or is changed meanwhile.
    fn file(&mut self, path: &Path, source: &Path, owner: impl Fn(&Metadata) -> Owner) -> Result<()>;
}
