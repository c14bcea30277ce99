//! The nodes of a root file system: what stands at a path, with owner and permissions.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

/// The permission bits and numeric owner of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Permission bits, up to 0o7777.
    pub mode: u32,
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

impl Owner {
    /// Root's, with these permission bits.
    #[must_use]
    pub fn root(mode: u32) -> Self {
        Self { mode, uid: 0, gid: 0 }
    }
}

/// What stands at one path of the root file system.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file with this content.
    Bytes(Vec<u8>),
    /// A regular file with the content of the file at this path outside.
    File(PathBuf),
    /// A symbolic link; the target is written as it stands.
    Symlink(PathBuf),
    /// A whole store path, walked when it is written.
    StorePath,
}

impl Node {
    /// The word for the node's type in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Bytes(_) | Self::File(_) => "file",
            Self::Symlink(_) => "symlink",
            Self::StorePath => "store path",
        }
    }
}

/// The word for a file type that no image can hold.
#[must_use]
pub fn kind_name(file_type: FileType) -> &'static str {
    if file_type.is_socket() {
        "socket"
    } else if file_type.is_fifo() {
        "FIFO"
    } else if file_type.is_block_device() {
        "block device"
    } else if file_type.is_char_device() {
        "character device"
    } else {
        "file of an unknown type"
    }
}
