//! The root that an archive becomes, member by member, by the rules of WSL's extractor (W§1.3): what it refuses, and what
//! stands there afterwards. No file is touched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use tar::EntryType;

use super::archive::RawMember;
use super::machine::Machine;

/// The longest path and component that Linux takes, in bytes.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;
/// What an entry costs beside its path and target.
const ENTRY_COST: usize = 200;
/// Links that a lookup follows before it is a loop.
pub const KERNELS_LINKS: usize = 40;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A device or pipe.
    Special,
}

/// One entry of the root.
#[derive(Clone, Debug)]
pub struct RootEntry {
    /// Its kind.
    pub kind: RootKind,
    /// The mode as the archive has it.
    pub mode: u32,
    /// User number.
    pub uid: u64,
    /// Group number.
    pub gid: u64,
    /// Bytes of content.
    pub size: u64,
    /// What a symbolic link leads to.
    pub target: Box<[u8]>,
    /// What machine a program is for.
    pub machine: Option<Machine>,
    /// The member with the content; nothing for a directory that only its children make.
    pub member: Option<u64>,
}

impl RootEntry {
    /// The directory that the extractor makes where an archive has none above a member.
    fn implied() -> Self {
        Self {
            kind: RootKind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size: 0,
            target: Box::default(),
            machine: None,
            member: None,
        }
    }
}

/// Why a member is refused, or is not what its writer will have meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The rule, one word or two.
    pub rule: &'static str,
    /// In one line.
    pub text: &'static str,
    /// The extractor ends with an error; otherwise it goes on silently.
    pub fatal: bool,
}

/// There is no room for more members.
#[derive(Debug)]
pub struct TooManyMembers;

/// The root, by path without a slash before it; the root itself is the empty path.
#[derive(Debug)]
pub struct UnpackedRoot {
    nodes: BTreeMap<Box<[u8]>, RootEntry>,
    memory: usize,
    most: usize,
}

impl UnpackedRoot {
    /// Nothing yet, and never more than takes `most` bytes of memory.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { nodes: BTreeMap::new(), memory: 0, most }
    }

    /// Puts a member in its place, unless there is an objection that is fatal. The path is that of the root.
    ///
    /// # Errors
    /// When the members are too many to be held.
    pub fn add(
        &mut self,
        member: &RawMember,
        machine: Option<Machine>,
    ) -> Result<(Vec<u8>, Option<Objection>), TooManyMembers> {
        let path = match normal(&member.name) {
            Ok(path) => path,
            Err(objection) => return Ok((member.name.clone(), Some(objection))),
        };
        if let Some(objection) = self.parents(&path)? {
            return Ok((path, Some(objection)));
        }
        let kind = match member.kind {
            EntryType::Directory => RootKind::Directory,
            EntryType::Symlink => RootKind::Symlink,
            EntryType::Char | EntryType::Block | EntryType::Fifo => RootKind::Special,
            _ => RootKind::File,
        };
        let mut node = RootEntry {
            kind,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            size: member.size,
            target: if kind == RootKind::Symlink { member.target.as_slice().into() } else { Box::default() },
            machine,
            member: Some(member.index),
        };
        if member.kind == EntryType::Link {
            match self.link(&member.target) {
                Ok(original) => node = original,
                Err(objection) => return Ok((path, Some(objection))),
            }
        }
        let objection = match self.nodes.get(&path[..]) {
            None => None,
            Some(old) => match (old.kind, kind) {
                (RootKind::Directory, RootKind::Directory) => None,
                (RootKind::Directory, _) if self.has_children(&path) => {
                    return Ok((path, Some(fatal("occupied", "a directory that is not empty stands there"))));
                }
                (RootKind::Symlink, RootKind::Directory) => Some(Objection {
                    rule: "link-replaced",
                    text: "is a directory and replaces the symbolic link that stands there",
                    fatal: false,
                }),
                _ => Some(Objection {
                    rule: "duplicate",
                    text: "is in the archive more than once: the last one stays",
                    fatal: false,
                }),
            },
        };
        self.insert(&path, node)?;
        Ok((path, objection))
    }

    /// Makes the directories above `path`, or says why there can be none.
    fn parents(&mut self, path: &[u8]) -> Result<Option<Objection>, TooManyMembers> {
        let Some(slash) = path.iter().rposition(|&byte| byte == b'/') else { return Ok(None) };
        // What stands in a directory has only directories above it.
        if self.nodes.get(&path[..slash]).is_some_and(|node| node.kind == RootKind::Directory) {
            return Ok(None);
        }
        for at in (0..=slash).filter(|&at| path[at] == b'/') {
            match self.nodes.get(&path[..at]).map(|node| node.kind) {
                Some(RootKind::Directory) => continue,
                Some(RootKind::Symlink) => {
                    return Ok(Some(fatal("through-link", "lies below a path that is a symbolic link")));
                }
                Some(RootKind::File | RootKind::Special) => {
                    return Ok(Some(fatal("through-file", "lies below a path that is a file")));
                }
                None => {}
            }
            self.insert(&path[..at], RootEntry::implied())?;
        }
        Ok(None)
    }

    fn insert(&mut self, path: &[u8], node: RootEntry) -> Result<(), TooManyMembers> {
        let target = node.target.len();
        match self.nodes.entry(path.into()) {
            Entry::Occupied(mut old) => {
                self.memory = self.memory.saturating_sub(old.get().target.len());
                old.insert(node);
            }
            Entry::Vacant(place) => {
                self.memory += path.len() + ENTRY_COST;
                place.insert(node);
            }
        }
        self.memory += target;
        if self.memory > self.most { Err(TooManyMembers) } else { Ok(()) }
    }

    /// What a hard link leads to.
    fn link(&self, target: &[u8]) -> Result<RootEntry, Objection> {
        let path =
            normal(target).map_err(|_| fatal("hard-link", "is a hard link to a path that leads out"))?;
        match self.nodes.get(&path[..]) {
            Some(node) if node.kind == RootKind::Directory => {
                Err(fatal("hard-link", "is a hard link to a directory"))
            }
            Some(node) => Ok(node.clone()),
            None => Err(fatal("hard-link", "is a hard link to what no member before it has made")),
        }
    }

    fn has_children(&self, path: &[u8]) -> bool {
        self.below(path).next().is_some()
    }

    /// Everything below the directory `path`, each by the rest of its path.
    pub fn below<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a RootEntry)> {
        let mut prefix = path.to_vec();
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let start = Bound::Excluded(prefix.clone().into_boxed_slice());
        self.nodes
            .range((start, Bound::Unbounded))
            .map_while(move |(path, node)| Some((path.strip_prefix(&prefix[..])?, node)))
    }

    /// What stands at exactly this path, links not followed.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&RootEntry> {
        self.nodes.get(path.trim_start_matches('/').as_bytes())
    }

    /// What a path leads to in this root, with at most `links` links followed; the path without links, and what is there.
    /// `..` leads no higher than the root.
    #[must_use]
    pub fn follow(&self, path: &[u8], links: usize) -> Option<(Vec<u8>, &RootEntry)> {
        let mut ahead: Vec<&[u8]> = parts(path).rev().collect();
        let mut place: Vec<u8> = Vec::new();
        let mut followed = 0;
        while let Some(part) = ahead.pop() {
            if part == b".." {
                place.truncate(place.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                continue;
            }
            let above = place.len();
            if !place.is_empty() {
                place.push(b'/');
            }
            place.extend_from_slice(part);
            let node = self.nodes.get(&place[..])?;
            match node.kind {
                RootKind::Symlink => {
                    followed += 1;
                    if followed > links || node.target.len() > LONGEST_PATH {
                        return None;
                    }
                    place.truncate(if node.target.starts_with(b"/") { 0 } else { above });
                    ahead.extend(parts(&node.target).rev());
                }
                RootKind::File | RootKind::Special if !ahead.is_empty() => return None,
                RootKind::File | RootKind::Special | RootKind::Directory => {}
            }
        }
        let node = self.nodes.get(&place[..])?;
        Some((place, node))
    }
}

/// The components of a path that count.
fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// A member's path as that of the root.
fn normal(name: &[u8]) -> Result<Vec<u8>, Objection> {
    if name.is_empty() {
        return Err(fatal("no-name", "a member has no name"));
    }
    if name.len() > LONGEST_PATH {
        // The extractor goes down step by step; nothing else gets there.
        let text = "has a path of more than 4096 bytes, by which no program can open it";
        return Err(Objection { rule: "long-path", text, fatal: false });
    }
    if parts(name).any(|part| part == b"..") {
        return Err(fatal("leads-out", "has a `..` in its path"));
    }
    if parts(name).any(|part| part.len() > LONGEST_NAME) {
        return Err(fatal("long-name", "has a name of more than 255 bytes"));
    }
    Ok(parts(name).collect::<Vec<_>>().join(&b'/'))
}

const fn fatal(rule: &'static str, text: &'static str) -> Objection {
    Objection { rule, text, fatal: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: String) -> RawMember {
        RawMember {
            index: 0,
            name: name.into_bytes(),
            target: Vec::new(),
            kind: EntryType::Regular,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            attributes: Vec::new(),
            foreign_name: false,
        }
    }

    #[test]
    fn a_tree_takes_no_more_memory_than_it_may() {
        let most = 1 << 20;
        for name in [|at| format!("file{at}"), |at| format!("{at}{}", "/d".repeat(2000))] {
            let mut root = UnpackedRoot::new(most);
            let added = (0..100_000).position(|at: u32| root.add(&member(name(at)), None).is_err());
            assert!(added.is_some_and(|added| added < 10_000));
            let names: usize = root.nodes.keys().map(|path| path.len()).sum();
            assert!(names + root.nodes.len() * 150 <= most + 2 * LONGEST_PATH);
        }
        let mut root = UnpackedRoot::new(most);
        assert!((0..100_000).all(|_| root.add(&member("one".into()), None).is_ok()));
    }

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let mut root = UnpackedRoot::new(1 << 20);
        for (name, target) in [
            ("a/file", ""),
            ("up", "../../a"),
            ("b/relative", "../up/./file"),
            ("absolute", "/b/relative"),
            ("loop", "loop"),
            ("through-file", "a/file/.."),
            ("dangling", "none"),
        ] {
            let kind = if target.is_empty() { EntryType::Regular } else { EntryType::Symlink };
            root.add(&RawMember { target: target.into(), kind, ..member(name.into()) }, None).unwrap();
        }
        let follow = |path: &str| root.follow(path.as_bytes(), KERNELS_LINKS).map(|(place, _)| place);
        for path in ["absolute", "/b/relative", "up/file", "../a//file", "b/../a/file"] {
            assert_eq!(follow(path).as_deref(), Some(&b"a/file"[..]), "{path}");
        }
        for path in ["loop", "through-file", "dangling", "a/file/x", "", "/"] {
            assert_eq!(follow(path), None, "{path}");
        }
        assert!(root.follow(b"absolute", 2).is_none() && root.follow(b"absolute", 3).is_some());
    }
}
