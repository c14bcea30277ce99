//! Directories: names with their inodes, in one block, or in many with an index over them by the names' hashes.
//!
//! Without an index the kernel would read a directory from its front for every name that it looks for, and never make one
//! for a directory that is larger than a block: `/nix/store`. Structures are those of the kernel's `fs/ext4/namei.c`.

use std::io;

use super::checksum::Checksum;
use super::hash::NameHash;
use super::layout::BLOCK;

/// The entry that ends every block of names and has its checksum.
const TAIL: usize = 12;
/// How many places the index has in its root and in a node below.
const ROOT_LIMIT: usize = (BLOCK - 32 - 8) / 8;
const NODE_LIMIT: usize = (BLOCK - 8 - 8) / 8;

/// The type of an entry.
#[derive(Clone, Copy, Debug)]
pub enum EntryType {
    /// A regular file.
    File = 1,
    /// A directory.
    Directory = 2,
    /// A symbolic link.
    Symlink = 7,
}

/// A name in a directory.
#[derive(Clone, Debug)]
pub struct DirectoryEntry {
    /// The name, without slash.
    pub name: Vec<u8>,
    /// The inode that it names.
    pub inode: u32,
    /// What that is.
    pub entry_type: EntryType,
}

/// The blocks of a directory, in its order, and whether the first is the root of an index.
///
/// # Errors
/// When it has more names than an index of two levels covers: ten million or so.
pub fn blocks(
    inode: u32,
    parent: u32,
    entries: &[DirectoryEntry],
    hash: NameHash,
    seed: Checksum,
) -> io::Result<(Vec<Vec<u8>>, bool)> {
    let own =
        |name: &[u8], inode| DirectoryEntry { name: name.to_vec(), inode, entry_type: EntryType::Directory };
    let dots = [own(b".", inode), own(b"..", parent)];
    let length: usize = dots.iter().chain(entries).map(DirectoryEntry::length).sum();
    if length <= BLOCK - TAIL {
        let all: Vec<_> = dots.iter().chain(entries).collect();
        return Ok((vec![leaf(&all, seed)], false));
    }
    let mut hashed: Vec<_> = entries.iter().map(|entry| (hash.of(&entry.name), entry)).collect();
    hashed.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.name.cmp(&b.name)));
    let (mut blocks, mut places) = (vec![Vec::new()], Vec::new());
    let mut rest = hashed.as_slice();
    let mut last = None;
    while let Some(&(first, _)) = rest.first() {
        let mut length = 0;
        let count = rest
            .iter()
            .take_while(|(_, entry)| {
                length += entry.length();
                length <= BLOCK - TAIL
            })
            .count();
        let (block, after) = rest.split_at(count);
        // The lowest bit says that names with this hash are in the block before as well.
        places.push((first | u32::from(last == Some(first)), number(blocks.len())?));
        last = block.last().map(|(hash, _)| *hash);
        blocks.push(leaf(&block.iter().map(|(_, entry)| *entry).collect::<Vec<_>>(), seed));
        rest = after;
    }
    let levels = u8::from(places.len() > ROOT_LIMIT);
    if levels == 1 {
        let mut upper = Vec::new();
        for places in places.chunks(NODE_LIMIT) {
            upper.push((places[0].0, number(blocks.len())?));
            let mut node = vec![0; 8];
            // An entry without an inode that covers the block, for whoever knows no index.
            node[4..6].copy_from_slice(&block_length());
            blocks.push(index(node, places, NODE_LIMIT, seed));
        }
        places = upper;
    }
    if places.len() > ROOT_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a directory of too many names"));
    }
    let mut root = Vec::with_capacity(BLOCK);
    dots[0].append(&mut root, 12);
    dots[1].append(&mut root, BLOCK - 12);
    root.truncate(24);
    // Half MD4, the length of this, levels below, no flag.
    root.extend([0, 0, 0, 0, 1, 8, levels, 0]);
    blocks[0] = index(root, &places, ROOT_LIMIT, seed);
    Ok((blocks, true))
}

impl DirectoryEntry {
    /// What the entry takes, in whole words.
    fn length(&self) -> usize {
        (8 + self.name.len()).next_multiple_of(4)
    }

    /// Appends the entry, with this distance to the next one.
    fn append(&self, block: &mut Vec<u8>, distance: usize) {
        let end = block.len() + self.length();
        block.extend(self.inode.to_le_bytes());
        block.extend(u16::try_from(distance).unwrap_or_default().to_le_bytes());
        // No name is longer than 255 bytes: the walk has read it from a file system.
        block.extend([u8::try_from(self.name.len()).unwrap_or(u8::MAX), self.entry_type as u8]);
        block.extend(&self.name);
        block.resize(end, 0);
    }
}

/// A block of names; the last one reaches up to the tail.
fn leaf(entries: &[&DirectoryEntry], seed: Checksum) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    for (number, entry) in entries.iter().enumerate() {
        let last = number + 1 == entries.len();
        let distance = if last { BLOCK - TAIL - block.len() } else { entry.length() };
        entry.append(&mut block, distance);
    }
    block.resize(BLOCK - TAIL, 0);
    let checksum = seed.with(&block).value();
    block.extend([0, 0, 0, 0, 12, 0, 0, 0xde]);
    block.extend(checksum.to_le_bytes());
    block
}

/// A block of the index: `head`, then from where in the hashes which block has the names. The first has no hash; its
/// place says how many there can be and are.
fn index(head: Vec<u8>, places: &[(u32, u32)], limit: usize, seed: Checksum) -> Vec<u8> {
    let mut block = head;
    let end = block.len() + 8 * limit;
    for (number, (hash, place)) in places.iter().enumerate() {
        if number == 0 {
            block.extend(
                [limit, places.len()]
                    .map(|count| u16::try_from(count).unwrap_or_default().to_le_bytes())
                    .as_flattened(),
            );
        } else {
            block.extend(hash.to_le_bytes());
        }
        block.extend(place.to_le_bytes());
    }
    let checksum = seed.with(&block).with(&[0; 8]).value();
    block.resize(end + 4, 0);
    block.extend(checksum.to_le_bytes());
    block
}

fn block_length() -> [u8; 2] {
    u16::try_from(BLOCK).unwrap_or_default().to_le_bytes()
}

fn number(block: usize) -> io::Result<u32> {
    u32::try_from(block).map_err(io::Error::other)
}
