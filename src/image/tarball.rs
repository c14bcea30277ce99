//! The plain root file system as `.tar.gz`: what `wsl --import` takes.

use std::path::PathBuf;

use super::attrs::StructuredAttributes;
use super::extra::Extra;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::stream::{Archive, write_error};
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
    let output = Output::create(&destination(request, "tarball")?)?;
    let progress = Progress::new(attributes.closure.nar_size());
    let level = attributes.level.unwrap_or(gzip::DEFAULT_LEVEL);
    let fail = |error| write_error(output.path(), error);
    let members = gzip::compress(output.writer()?, request.cores, level, fail, |blocks| {
        let mut archive = Archive::new(blocks, output.path(), &progress, interrupt);
        for (path, owner, node) in tree.nodes() {
            store::append_node(&mut archive, path, owner, node, &request.store)?;
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

/// Where the image goes: below `folder` of the derivation's output, if nobody says anything else.
pub(crate) fn destination(request: &Request, folder: &str) -> Result<PathBuf> {
    if let Some(out) = &request.out {
        return Ok(out.clone());
    }
    let missing = |what| ImageError::entry(what, "the attributes do not have it; give --out FILE");
    let out = request.attributes.out.as_ref().ok_or_else(|| missing("outputs.out"))?;
    let name = request.attributes.file_name.as_ref().ok_or_else(|| missing("fileName"))?;
    Ok(out.join(folder).join(name))
}
