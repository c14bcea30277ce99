//! The plain root file system as `.tar.gz`: what `wsl --import` takes.

use std::path::{Path, PathBuf};

use super::attrs::StructuredAttributes;
use super::duplicates::Duplicates;
use super::entry::{Node, Owner};
use super::extra::Extra;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::stream::{Archive, Sink, write_error};
use super::tree::Tree;
use super::{ImageError, Result, database, gzip, store};

/// What is written, where and how.
#[derive(Debug)]
pub struct Request {
    /// The derivation's attributes.
    pub attributes: StructuredAttributes,
    /// The directory that holds the store paths' copies to read.
    pub store: PathBuf,
    /// The archive; `None` for `tarball/<file name>` below the derivation's output.
    pub out: Option<PathBuf>,
    /// How many threads compress.
    pub cores: usize,
    /// Files from outside the store.
    pub extra: Extra,
}

/// What was written.
#[derive(Debug)]
pub struct TarballReport {
    /// The archive.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The number of members: directories, files and links.
    pub members: u64,
    /// The number of store paths among them.
    pub store_paths: usize,
}

/// Writes the archive.
///
/// # Errors
/// When the spec does not fit the closure, a source cannot be read, the archive cannot be written, or a signal came; no
/// archive is left then.
pub fn write(request: &Request, interrupt: &Interrupt) -> Result<TarballReport> {
    let attributes = &request.attributes;
    let tree = tree(request)?;
    let output = Output::create(&destination(request)?)?;
    let progress = Progress::new(attributes.closure.nar_size());
    let level = attributes.level.unwrap_or(gzip::DEFAULT_LEVEL);
    let fail = |error| write_error(output.path(), error);
    let members = gzip::compress(output.writer()?, request.cores, level, fail, |blocks| {
        let mut archive = Archive::new(blocks, output.path(), &progress, interrupt);
        for (path, owner, node) in tree.nodes() {
            append_node(&mut archive, path, owner, node, &request.store, None)?;
        }
        archive.finish()
    })?;
    progress.finish();
    interrupt.check()?;
    let path = output.path().to_owned();
    Ok(TarballReport {
        path,
        size: output.publish()?,
        members,
        store_paths: attributes.closure.paths().len(),
    })
}

/// The root file system that is asked for.
pub(crate) fn tree(request: &Request) -> Result<Tree> {
    let attributes = &request.attributes;
    let database = database::serialize(&attributes.closure)?;
    let mut tree = Tree::new(&attributes.spec, &attributes.closure, database)?;
    request.extra.apply(&mut tree)?;
    Ok(tree)
}

/// Adds a node to `archive`; a store path is read from `store`, and what `duplicates` knows of it becomes links.
pub(crate) fn append_node<S: Sink>(
    archive: &mut Archive<S>,
    path: &Path,
    owner: Owner,
    node: &Node,
    store: &Path,
    duplicates: Option<&mut Duplicates>,
) -> Result<()> {
    match node {
        Node::Directory => archive.directory(path, owner),
        Node::Bytes(bytes) => archive.bytes(path, owner, bytes),
        Node::File(source) => archive.file(path, source, |_| owner),
        Node::Symlink(target) => archive.symlink(path, Owner { mode: 0o777, ..owner }, target),
        Node::StorePath => {
            let name = path.file_name().unwrap_or_default();
            store::append(archive, path, &store.join(name), duplicates)
        }
    }
}

/// Where the archive goes.
pub(crate) fn destination(request: &Request) -> Result<PathBuf> {
    if let Some(out) = &request.out {
        return Ok(out.clone());
    }
    let missing = |what| ImageError::entry(what, "the attributes do not have it; give --out FILE");
    let out = request.attributes.out.as_ref().ok_or_else(|| missing("outputs.out"))?;
    let name = request.attributes.file_name.as_ref().ok_or_else(|| missing("fileName"))?;
    Ok(out.join("tarball").join(name))
}
