//! The tree: every path of the image outside the store paths, merged from the spec, the profile and the database.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::closure::{Closure, STORE_DIR};
use super::entry::{Node, Owner, kind_name};
use super::spec::{NodeKind, Spec, SpecEntry};
use super::{ImageError, Result};

/// The root file system as a sorted map. `Path` compares by component, so a parent comes before its children.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<PathBuf, (Owner, Node)>,
}

impl Tree {
    /// Puts the spec's entries, the profile's links, Nix's database and the store paths into one tree.
    ///
    /// # Errors
    /// When two entries contradict each other, a source cannot be read, or a link would point to a store path that the
    /// closure does not have.
    pub fn new(spec: &Spec, closure: &Closure, database: Vec<u8>) -> Result<Self> {
        let mut tree = Self::default();
        for entry in &spec.entries {
            tree.add(entry)?;
        }
        if let Some(profile) = &spec.profile {
            if !profile.starts_with(STORE_DIR) || !closure.serves(profile) {
                return Err(ImageError::closure(
                    profile.display().to_string(),
                    "is the spec's profile but not in the closure; export its references",
                ));
            }
            tree.state("nix/var/nix/profiles/system", Node::Symlink("system-1-link".into()))?;
            tree.state("nix/var/nix/profiles/system-1-link", Node::Symlink(profile.clone()))?;
        }
        // What Nix itself makes when it first opens a store (its `local-store.cc`): without the link, the profiles' targets
        // would be garbage until then.
        tree.state("nix/var/nix/gcroots/profiles", Node::Symlink("/nix/var/nix/profiles".into()))?;
        tree.state("nix/var/nix/db/db.sqlite", Node::Bytes(database))?;
        tree.state("nix/var/nix/db/schema", Node::Bytes(super::database::SCHEMA_VERSION.into()))?;
        for info in closure.paths() {
            tree.state(info.path.trim_start_matches('/'), Node::StorePath)?;
        }
        tree.complete()?;
        tree.check_targets(closure)?;
        Ok(tree)
    }

    /// Every path (relative, the root first), sorted, parents before children.
    pub fn nodes(&self) -> impl Iterator<Item = (&Path, Owner, &Node)> {
        self.nodes.iter().map(|(path, (owner, node))| (path.as_path(), *owner, node))
    }

    /// Adds one of the spec's entries.
    fn add(&mut self, entry: &SpecEntry) -> Result<()> {
        let owner = |default| Owner { mode: entry.mode.unwrap_or(default), uid: entry.uid, gid: entry.gid };
        match &entry.kind {
            NodeKind::Directory => self.insert(entry.path.clone(), owner(0o755), Node::Directory),
            NodeKind::Text(text) => {
                self.insert(entry.path.clone(), owner(0o644), Node::Bytes(text.clone().into_bytes()))
            }
            NodeKind::File(source) => {
                let unreadable = |error| ImageError::source(&absolute(&entry.path), source, error);
                // A source is often a link, as a package's program is; the archive opens files without following any.
                let source = fs::canonicalize(source).map_err(unreadable)?;
                if !fs::metadata(&source).map_err(unreadable)?.is_file() {
                    return Err(ImageError::entry(
                        absolute(&entry.path).display().to_string(),
                        format!("the source {} is no regular file", source.display()),
                    ));
                }
                self.insert(entry.path.clone(), owner(0o644), Node::File(source))
            }
            NodeKind::Symlink(target) => {
                self.insert(entry.path.clone(), owner(0o777), Node::Symlink(target.clone()))
            }
            NodeKind::Tree(source) => {
                let owner = owner(0o755);
                self.graft(&entry.path, source, |_, executable| Owner {
                    mode: if executable { owner.mode } else { owner.mode & !0o111 },
                    ..owner
                })
            }
        }
    }

    /// Adds everything below the directory `source` at `path`; `owner` is asked with each path and whether it is a directory
    /// or executable. Directories that are there already keep their attributes.
    pub(crate) fn graft(
        &mut self,
        path: &Path,
        source: &Path,
        owner: impl Fn(&fs::Metadata, bool) -> Owner,
    ) -> Result<()> {
        let found =
            fs::metadata(source).map_err(|error| ImageError::source(&absolute(path), source, error))?;
        if !found.is_dir() {
            return Err(ImageError::entry(
                absolute(path).display().to_string(),
                format!("the source {} of the tree is no directory", source.display()),
            ));
        }
        for found in WalkDir::new(source).follow_root_links(true).sort_by_file_name() {
            let found = found.map_err(|error| {
                let place = error.path().unwrap_or(source).to_owned();
                ImageError::source(&absolute(path), &place, error)
            })?;
            let below = found.path().strip_prefix(source).unwrap_or(Path::new(""));
            let target = if below.as_os_str().is_empty() { path.to_owned() } else { path.join(below) };
            let unreadable = |error| ImageError::source(&absolute(&target), found.path(), error);
            let metadata = found.metadata().map_err(|error| unreadable(error.into()))?;
            let kind = metadata.file_type();
            let node = if kind.is_dir() {
                Node::Directory
            } else if kind.is_symlink() {
                Node::Symlink(fs::read_link(found.path()).map_err(unreadable)?)
            } else if kind.is_file() {
                Node::File(found.path().to_owned())
            } else {
                return Err(ImageError::Kind {
                    entry: absolute(&target).display().to_string(),
                    source_path: found.path().to_owned(),
                    kind: kind_name(kind),
                });
            };
            if target.starts_with("nix/store") && target != Path::new("nix/store") {
                return Err(ImageError::entry(
                    absolute(&target).display().to_string(),
                    "the store is filled from the closure; no tree may reach into it",
                ));
            }
            if kind.is_dir()
                && !below.as_os_str().is_empty()
                && matches!(self.nodes.get(&target), Some((_, Node::Directory)))
            {
                continue;
            }
            let executable = kind.is_dir() || metadata.permissions().mode() & 0o100 != 0;
            let owner = if kind.is_symlink() {
                Owner { mode: 0o777, ..owner(&metadata, executable) }
            } else {
                owner(&metadata, executable)
            };
            self.insert(target, owner, node)?;
        }
        Ok(())
    }

    /// Gives every path at or below `path` another owner.
    pub(crate) fn chown(&mut self, path: &Path, uid: u32, gid: u32) -> Result<()> {
        let mut found = false;
        for (_, (owner, _)) in self.nodes.iter_mut().filter(|(place, _)| place.starts_with(path)) {
            (owner.uid, owner.gid, found) = (uid, gid, true);
        }
        if found {
            Ok(())
        } else {
            Err(ImageError::entry(
                absolute(path).display().to_string(),
                "--chown names a path that the image does not have",
            ))
        }
    }

    /// Adds a path of Nix's own state or store, unless the spec has an entry of the same type there.
    fn state(&mut self, path: &str, node: Node) -> Result<()> {
        let path = PathBuf::from(path);
        match self.nodes.get(&path) {
            Some((_, present)) if present.name() == node.name() => Ok(()),
            _ => {
                let mode = if matches!(node, Node::Symlink(_)) { 0o777 } else { 0o644 };
                self.insert(path, Owner::root(mode), node)
            }
        }
    }

    /// Puts `node` at `path`, in place of an earlier one of the same type.
    pub(crate) fn insert(&mut self, path: PathBuf, owner: Owner, node: Node) -> Result<()> {
        if let Some((_, present)) = self.nodes.get(&path)
            && present.name() != node.name()
        {
            return Err(ImageError::entry(
                absolute(&path).display().to_string(),
                format!(
                    "is a {} here and a {} in an earlier entry; keep one of the two",
                    node.name(),
                    present.name()
                ),
            ));
        }
        self.nodes.insert(path, (owner, node));
        Ok(())
    }

    /// Makes missing parents and refuses a path below something that is no directory: extracting it would write through
    /// a link (W§1.3).
    pub(crate) fn complete(&mut self) -> Result<()> {
        let mut missing = Vec::new();
        for path in self.nodes.keys() {
            for parent in path.ancestors().skip(1) {
                match self.nodes.get(parent) {
                    None => missing.push(parent.to_owned()),
                    Some((_, Node::Directory)) => {}
                    Some((_, other)) => {
                        return Err(ImageError::entry(
                            absolute(path).display().to_string(),
                            format!(
                                "stands below {}, which is a {}",
                                absolute(parent).display(),
                                other.name()
                            ),
                        ));
                    }
                }
            }
        }
        for parent in missing {
            self.nodes.entry(parent).or_insert((Owner::root(0o755), Node::Directory));
        }
        Ok(())
    }

    /// Refuses links to store paths that the image would not have.
    fn check_targets(&self, closure: &Closure) -> Result<()> {
        for (path, (_, node)) in &self.nodes {
            if let Node::Symlink(target) = node
                && !closure.serves(target)
            {
                return Err(ImageError::entry(
                    absolute(path).display().to_string(),
                    format!(
                        "points to {}, whose store path is not in the closure; add it to the exported references",
                        target.display()
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// The path as it will stand in the running system.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    Path::new(OsStr::new("/")).join(path)
}
