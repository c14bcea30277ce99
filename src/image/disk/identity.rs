//! The numbers by which a disk and its file system are known: from what is in them, so that the same content gives the
//! same disk.

use std::os::unix::ffi::OsStrExt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::vhdx::Guid;
use crate::image::attrs::StructuredAttributes;
use crate::image::entry::Node;
use crate::image::tree::Tree;

/// Where all numbers of a disk come from.
#[derive(Clone, Copy, Debug)]
pub struct DiskIdentity([u8; 32]);

impl DiskIdentity {
    /// That of the store paths and of all else in the root file system.
    #[must_use]
    pub fn new(attributes: &StructuredAttributes, tree: &Tree, size: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(size.to_le_bytes());
        for info in attributes.closure.paths() {
            hash.update(format!("{} {}\n", info.path, info.nar_hash));
        }
        for (path, owner, node) in tree.nodes() {
            let content: &[u8] = match node {
                Node::Bytes(bytes) => bytes,
                Node::Symlink(target) => target.as_os_str().as_bytes(),
                // Where a file is outside says nothing of what is in it.
                Node::Directory | Node::File(_) | Node::StorePath => b"",
            };
            let path = path.as_os_str().as_bytes();
            hash.update(format!("{} {owner:?} {} {}\n", path.len(), node.name(), content.len()));
            hash.update(path);
            hash.update(content);
        }
        Self(hash.finalize().into())
    }

    /// A UUID for `use_case` as mke2fs takes it (RFC 9562, version 8).
    #[must_use]
    pub fn uuid(&self, use_case: &str) -> String {
        let mut text = HEXLOWER.encode(&self.guid(use_case));
        for at in [20, 16, 12, 8] {
            text.insert(at, '-');
        }
        text
    }

    /// A GUID for `use_case`.
    #[must_use]
    pub fn guid(&self, use_case: &str) -> Guid {
        let digest: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(use_case).finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }
}
